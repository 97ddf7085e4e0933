"""``ragbot ask``, ``search`` and ``chat``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragbot.console import render
from ragbot.console.explain_labels import explain_labels
from ragbot.console.explained import explanation, without_hits
from ragbot.console.jsonout import plain
from ragbot.console.knowledge import opened_bot, settings_of, where
from ragbot.console.labels import labels_for
from ragbot.console.options import AnswerOptions, IndexOptions, SearchOptions
from ragbot.errors import KnowledgeBaseError, UserError

if TYPE_CHECKING:
    from ragbot.bot import RagBot
    from ragbot.workspace.conversing import Conversation


def ask(options: AnswerOptions, search: SearchOptions, question: str, whole: bool = False) -> None:
    """Answer one question; with ``whole`` nothing is printed before the answer is complete."""
    from ragbot.console.chat import stream

    settings, condition, terminal = settings_of(options, search), where(search), options.terminal
    question = _checked(question)
    with opened_bot(options, settings) as bot:
        with terminal.working("loading the chat model …"):
            _ = bot.chain
        if terminal.as_json or whole:
            with terminal.working("answering …"):
                answer = bot.ask(question, where=condition)
            if terminal.as_json:
                terminal.json(plain(answer))
                return
            terminal.piece(answer.text)
        else:
            answer = stream(bot, terminal, question, condition)
        render.after_answer(terminal, answer, settings.generation.min_confidence)


def search(options: IndexOptions, search: SearchOptions, question: str, explain: bool = False) -> None:
    """Print the passages that fit best."""
    settings, condition, terminal = settings_of(options, search), where(search), options.terminal
    question = _checked(question)
    with opened_bot(options, settings) as bot:
        reasons = bot.explain(question, where=condition) if explain else None
        found = [item.hit for item in reasons.hits] if reasons else bot.search(question, where=condition)
        if terminal.as_json:
            more = {"explanation": without_hits(reasons)} if reasons else {}
            terminal.json({"query": question, "hits": plain(found), **more})
            return
        labels = labels_for(settings, question)
        if reasons and found:
            explanation(terminal, reasons, labels, explain_labels(settings, question))
        elif found:
            render.hits(terminal, found, labels)
        elif not bot.kb.catalog.counts()["documents"]:
            terminal.line(labels.no_documents)
        else:
            terminal.line(labels.nothing_found.format(question))
            if condition:
                terminal.line(labels.filtered)


def chat(
    options: AnswerOptions,
    search: SearchOptions,
    identity: str | None = None,
    go_on: bool = False,
    no_history: bool = False,
) -> int:
    """Talk until the end of the input; returns the exit code.

    Args:
        identity: with ``go_on`` the conversation that goes on; None for the one of this knowledge base that was used last.
        no_history: nothing is stored.
    """
    from ragbot.console.chat import Chat

    if identity is not None and not go_on:
        raise UserError(
            f"to go on with a conversation: ragbot chat --continue {identity}; for a single question: ragbot ask"
        )
    if go_on and no_history:
        raise UserError("--no-history keeps nothing, so it cannot go on with a conversation: leave one of the two out")
    settings, condition = settings_of(options, search), where(search)
    with opened_bot(options, settings) as bot:
        conversation = None if no_history else conversation_with(bot, identity, go_on)
        with options.terminal.working("loading the chat model …"):
            _ = bot.chain
        return Chat(bot, options.terminal, condition, conversation, go_on).run()


def conversation_with(bot: RagBot, identity: str | None, go_on: bool) -> Conversation:
    """A new conversation, or the one that goes on. Where nothing can be stored, the error says how to do without."""
    try:
        if go_on and identity is None:
            last = bot.conversations.all(str(bot.kb.folder))
            identity = last[0].id if last else None
        return bot.conversation(identity)
    except KnowledgeBaseError as error:
        raise type(error)(f"{error}; to chat all the same, and keep nothing: --no-history") from error


def _checked(question: str) -> str:
    """The question as text: what the shell passed on may hold bytes that are none."""
    if not question.strip():
        raise UserError('the question is empty; write it in quotes: ragbot ask "…"')
    return question.encode("utf-8", "replace").decode()

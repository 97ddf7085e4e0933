"""``ragbot ask``, ``search`` and ``chat``."""

from __future__ import annotations

from ragbot.console import render
from ragbot.console.explain_labels import explain_labels
from ragbot.console.explained import explanation, without_hits
from ragbot.console.jsonout import plain
from ragbot.console.knowledge import opened_bot, settings_of, where
from ragbot.console.labels import labels_for
from ragbot.console.options import AnswerOptions, IndexOptions, SearchOptions
from ragbot.errors import UserError


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


def chat(options: AnswerOptions, search: SearchOptions) -> int:
    """Talk until the end of the input; returns the exit code."""
    from ragbot.console.chat import Chat

    settings, condition = settings_of(options, search), where(search)
    with opened_bot(options, settings) as bot:
        with options.terminal.working("loading the chat model …"):
            _ = bot.chain
        return Chat(bot, options.terminal, condition).run()


def _checked(question: str) -> str:
    """The question as text: what the shell passed on may hold bytes that are none."""
    if not question.strip():
        raise UserError('the question is empty; write it in quotes: ragbot ask "…"')
    return question.encode("utf-8", "replace").decode()

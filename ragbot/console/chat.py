"""The conversation in a terminal; where standard input is none, each of its lines is a question."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from ragbot.console import render
from ragbot.console.conversation_labels import conversation_labels
from ragbot.console.jsonout import plain
from ragbot.console.labels import LABELS, labels_for
from ragbot.console.terminal import Terminal
from ragbot.documents import Answer, Message
from ragbot.errors import RagbotError

if TYPE_CHECKING:
    from ragbot.bot import RagBot
    from ragbot.generation.chain import AnswerStream
    from ragbot.index.filters import Filter
    from ragbot.workspace.conversing import Conversation
    from ragbot.workspace.records import Turn

#: Messages that are remembered of a conversation that is not stored: four questions and their answers.
_KEPT = 8


class Chat:
    """One conversation with the documents; ``/clear`` begins another.

    Args:
        conversation: stores what is said; None for a conversation of which nothing is kept.
        go_on: whether it was asked for to go on with an earlier one.
    """

    def __init__(
        self,
        bot: RagBot,
        terminal: Terminal,
        where: Filter | None = None,
        conversation: Conversation | None = None,
        go_on: bool = False,
    ) -> None:
        self.bot = bot
        self.terminal = terminal
        self.where = where
        self.conversation = conversation
        self._go_on = go_on
        self.history: list[Message] = []
        self.last: Answer | None = None
        self.code = 0
        self._labels = labels_for(bot.settings)
        self._say = conversation_labels(bot.settings)
        self._interactive = sys.stdin.isatty() and not terminal.as_json

    def run(self) -> int:
        """Read and answer until the end; returns the exit code."""
        if self._interactive:
            count = len(self.bot.documents())
            self.terminal.note(self._labels.chat_greeting.format(self.bot.settings.kb, count), style="")
        if self._go_on:
            self._resume()
        answers = []
        for line in self._lines():
            if line.startswith("/"):
                if not self._command(line):
                    break
                continue
            answer = self._ask(line)
            if answer:
                answers.append(answer)
        kept = self.conversation.id if self.conversation and self.conversation.turns else None
        if self.terminal.as_json:
            self.terminal.json({"answers": plain(answers), "conversation": kept})
        elif kept and self._interactive:
            self.terminal.note(self._say.kept.format(kept))
        return self.code

    def _resume(self) -> None:
        """Show where the conversation had got to."""
        turns = self.conversation.turns if self.conversation else ()
        if not turns:
            self.terminal.note(self._say.nothing_to_continue, style="")
            return
        say = conversation_labels(self.bot.settings, turns[-1].question)
        self.terminal.note(say.goes_on.format(turns[0].question.strip(), len(turns)), style="")
        if self._interactive:
            self.terminal.line(f"> {turns[-1].question}", "bold", hang=2)
            self.terminal.line(turns[-1].text)
            self.terminal.line()

    def _lines(self) -> Iterator[str]:
        if not self._interactive:
            yield from filter(None, map(str.strip, sys.stdin))
            return
        with suppress(ImportError):
            import readline  # noqa: F401  # lets input() edit and recall lines
        while True:
            try:
                line = input(self._labels.you).strip()
            except EOFError:
                self.terminal.line()
                return
            except KeyboardInterrupt:
                self.terminal.line()
                self.terminal.note(self._labels.chat_leave)
                continue
            if line:
                yield line

    def _command(self, line: str) -> bool:
        name = line.split()[0].lower()
        if name in {"/exit", "/quit"}:
            return False
        if name == "/clear":
            self.history.clear()
            self.last = None
            self._go_on = False
            if self.conversation:
                self.conversation = self.bot.conversation()
            self.terminal.note(self._labels.cleared)
        elif name == "/sources":
            self._sources()
        elif name in {"/good", "/bad"}:
            self._rate("up" if name == "/good" else "down", line.partition(" ")[2].strip())
        else:
            if name != "/help":
                self.terminal.note(self._labels.unknown_command.format(name), style="red")
            self.terminal.note(self._labels.chat_help, style="")
        return True

    def _rate(self, rating: Literal["up", "down"], comment: str) -> None:
        if self.conversation is None:
            self.terminal.note(self._say.not_kept)
        elif not self.conversation.turns:
            self.terminal.note(self._say.nothing_to_rate)
        else:
            try:
                self.conversation.rate(rating, comment)
            except RagbotError as error:  # deleted meanwhile, or a full disk: no reason to leave
                self.terminal.fail(type(error).__name__, str(error))
            else:
                self.terminal.note(self._say.thanks)

    def _sources(self) -> None:
        if self.terminal.as_json:
            return
        last: Answer | Turn | None = self.last
        if last is None and self._go_on and self.conversation and (turns := self.conversation.turns):
            last = turns[-1]
        if last is None:
            self.terminal.note(self._labels.no_answer_yet)
        elif not last.citations:
            self.terminal.note(self._labels.no_sources)
        else:
            render.citations(self.terminal, last.citations, LABELS.get(last.language, LABELS["en"]))
            self.terminal.line()

    def _ask(self, question: str) -> Answer | None:
        try:
            if self.terminal.as_json:
                pieces = self._begin(question)
                for _ in pieces:
                    pass
                answer = pieces.answer
            else:
                answer = show(self.terminal, lambda: self._begin(question))
                render.after_answer(self.terminal, answer, self.bot.settings.generation.min_confidence, quotes=False)
                self.terminal.line()
        except KeyboardInterrupt:
            if not self.terminal.as_json:
                self.terminal.line()
            self.terminal.note(labels_for(self.bot.settings, question).stopped)
            return None
        except RagbotError as error:
            if self.terminal.as_json:
                raise
            self.terminal.line()
            self.terminal.fail(type(error).__name__, str(error))
            self.code = 0 if self._interactive else error.exit_code
            return None
        self.last = answer
        self.history += [Message("user", question), Message("assistant", answer.text)]
        del self.history[:-_KEPT]
        return answer

    def _begin(self, question: str) -> AnswerStream:
        if self.conversation:
            return self.conversation.stream(question, self.where)
        return self.bot.stream(question, tuple(self.history), self.where)


def stream(
    bot: RagBot, terminal: Terminal, question: str, where: Filter | None = None, history: tuple[Message, ...] = ()
) -> Answer:
    """Print an answer as it is made, and return it. An interruption stops the model before it goes on its way."""
    return show(terminal, lambda: bot.stream(question, history, where))


def show(terminal: Terminal, begin: Callable[[], AnswerStream]) -> Answer:
    """The same with any stream."""
    with terminal.working("looking …"):
        answer = begin()
        first = next((piece for piece in answer if piece), "")
    try:
        terminal.piece(first)
        for piece in answer:
            terminal.piece(piece)
    except BaseException:
        answer.close()
        raise
    return answer.answer

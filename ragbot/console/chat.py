"""The conversation in a terminal; where standard input is none, each of its lines is a question."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from ragbot.console import render
from ragbot.console.jsonout import plain
from ragbot.console.labels import LABELS, labels_for
from ragbot.console.terminal import Terminal
from ragbot.documents import Answer, Message
from ragbot.errors import RagbotError

if TYPE_CHECKING:
    from ragbot.bot import RagBot
    from ragbot.index.filters import Filter

#: Messages of the conversation that are kept: four questions and their answers.
_KEPT = 8


class Chat:
    """One conversation with the documents."""

    def __init__(self, bot: RagBot, terminal: Terminal, where: Filter | None = None) -> None:
        self.bot = bot
        self.terminal = terminal
        self.where = where
        self.history: list[Message] = []
        self.last: Answer | None = None
        self.code = 0
        self._labels = labels_for(bot.settings)
        self._interactive = sys.stdin.isatty() and not terminal.as_json

    def run(self) -> int:
        """Read and answer until the end; returns the exit code."""
        if self._interactive:
            count = len(self.bot.documents())
            self.terminal.note(self._labels.chat_greeting.format(self.bot.settings.kb, count), style="")
        answers = []
        for line in self._lines():
            if line.startswith("/"):
                if not self._command(line):
                    break
                continue
            answer = self._ask(line)
            if answer:
                answers.append(answer)
        if self.terminal.as_json:
            self.terminal.json({"answers": plain(answers)})
        return self.code

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
            self.terminal.note(self._labels.cleared)
        elif name == "/sources":
            self._sources()
        else:
            if name != "/help":
                self.terminal.note(self._labels.unknown_command.format(name), style="red")
            self.terminal.note(self._labels.chat_help, style="")
        return True

    def _sources(self) -> None:
        if self.terminal.as_json:
            return
        if self.last is None:
            self.terminal.note(self._labels.no_answer_yet)
        elif not self.last.citations:
            self.terminal.note(self._labels.no_sources)
        else:
            render.citations(self.terminal, self.last.citations, LABELS[self.last.language])
            self.terminal.line()

    def _ask(self, question: str) -> Answer | None:
        try:
            if self.terminal.as_json:
                answer = self.bot.ask(question, tuple(self.history), self.where)
            else:
                answer = stream(self.bot, self.terminal, question, self.where, tuple(self.history))
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


def stream(
    bot: RagBot, terminal: Terminal, question: str, where: Filter | None = None, history: tuple[Message, ...] = ()
) -> Answer:
    """Print an answer as it is made, and return it. An interruption stops the model before it goes on its way."""
    with terminal.working("looking …"):
        answer = bot.stream(question, history, where)
        first = next((piece for piece in answer if piece), "")
    try:
        terminal.piece(first)
        for piece in answer:
            terminal.piece(piece)
    except BaseException:
        answer.close()
        raise
    return answer.answer

"""Code in an answer: what stands in its brackets is an index, and no marker of a source.

Brackets of code are exchanged for characters that nobody writes while markers are looked for, one for one, so that
every place in the text stays what it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: Beginnings and ends of code as Markdown has it: `a[1]`, and fences of three and more on lines of their own.
_RUN = re.compile(r"`+|~+")
_FENCE = 3
#: Blanks in front of a fence; from four on the line is code for another reason.
_INDENT = 3
#: Characters of code inside of a line; a longer stretch is a quotation mark that nobody closed.
LONGEST = 400
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_HIDDEN = str.maketrans("[]【】［］", "\ue0c0\ue0c1\ue0c2\ue0c3\ue0c4\ue0c5")
_SHOWN = {hidden: chr(bracket) for bracket, hidden in _HIDDEN.items()}


def shown(text: str) -> str:
    """The text with its brackets again."""
    return text.translate(_SHOWN)


def hidden(pieces: Iterable[str]) -> Iterator[str]:
    """The same text, in other pieces, without the brackets of its code. Empty ones pass."""
    code = _Code()
    for piece in pieces:
        yield code.read(piece.translate(_SHOWN)) if piece else ""
    if rest := code.read("", final=True):
        yield rest


class _Code:
    """Reads a text as it comes."""

    def __init__(self) -> None:
        self._held = ""
        self._line = ""  # what has left of the line under way
        self._fence = ""

    def read(self, piece: str, final: bool = False) -> str:
        """What can be let go of the text so far; with ``final`` all of it."""
        self._held += piece
        done = ""
        while self._held:
            part = self._fenced(final) if self._fence else self._plain(final)
            if not part:
                break
            self._held = self._held[len(part) :]
            self._line = (self._line + part).rpartition("\n")[2]
            done += part
        return done

    def _plain(self, final: bool) -> str:
        run = _RUN.search(self._held)
        if run is None:
            return self._held
        if run.start():
            return self._held[: run.start()]
        if run.end() == len(self._held) and not final:
            return ""  # it may grow
        if len(run.group()) >= _FENCE and not self._line.strip() and len(self._line) <= _INDENT:
            self._fence = run.group()
            return run.group()
        return self._inline(run.group(), final)

    def _inline(self, ticks: str, final: bool) -> str:
        if ticks[0] == "~":
            return ticks
        begin = len(ticks)
        end = re.compile(rf"(?<!`)`{{{begin}}}(?!`)").search(self._held, begin)
        paragraph = _BLANK_LINE.search(self._held, begin)
        if end and end.end() == len(self._held) and not final:
            return ""
        if end and end.start() <= LONGEST and not (paragraph and paragraph.start() < end.start()):
            return self._held[: end.end()].translate(_HIDDEN)
        return ticks if end or final or paragraph or len(self._held) > LONGEST else ""

    def _fenced(self, final: bool) -> str:
        mark, size = self._fence[0], len(self._fence)
        begin = self._held.find("\n") + 1
        if not begin:
            return self._held.translate(_HIDDEN) if final else ""
        line = self._held[:begin]
        closing = line.strip()
        if not self._line and len(closing) >= size and not closing.strip(mark):
            self._fence = ""
        return line.translate(_HIDDEN)

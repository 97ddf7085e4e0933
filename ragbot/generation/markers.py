"""Citation markers in a stream of text: those that name a passage get their final number, all others are dropped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

#: [1], [1, 2], 【1】, ［1］, [passage 1], but not [0, 1], which is an interval; at most 40 characters on one line, so that a stream knows when to stop waiting.
MARKER = re.compile(
    r"[ \t]*[\[【［](?=[^\[【［\]】］\n]{1,40}[\]】］])[ \t]*(?i:passages?|段落)?[ \t]*"
    r"([1-9１-９]\d{0,2}(?:[ \t]*[,，、][ \t]*[1-9１-９]\d{0,2})*)[ \t]*[\]】］]"
)
#: The beginning of what may become a marker: held back until it is complete or too long to be one.
_OPEN = re.compile(r"[ \t]*[\[【［][^\[【［\]】］\n]{0,40}\Z|[ \t]+\Z")


def numbers_of(marker: re.Match[str]) -> list[int]:
    """The numbers in a match of :data:`MARKER`."""
    return [int(number) for number in re.findall(r"\d+", marker.group(1))]


def whole_markers(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in other pieces: none of them ends inside of a marker, or of the blanks before one. Empty ones pass."""
    held = ""
    for piece in pieces:
        if not piece:
            yield ""
            continue
        held += piece
        opening = _OPEN.search(held)
        ready, held = (held[: opening.start()], opening.group()) if opening else (held, "")
        if ready:
            yield ready
    if held:
        yield held


class Markers:
    """Filters the pieces of an answer.

    Args:
        mark: told the words that a marker follows and the number in it, says what number to show, or None to drop it.
    """

    def __init__(self, mark: Callable[[str, int], int | None]) -> None:
        self._mark = mark
        self._claim = ""
        self._marked = False

    def filter(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yield the text with its final markers; nothing that was yielded is taken back. Empty pieces pass."""
        for part in whole_markers(pieces):
            yield self._renumbered(part) if part else ""

    def _renumbered(self, text: str) -> str:
        parts, begin = [], 0
        for match in MARKER.finditer(text):
            parts += [self._words(text[begin : match.start()]), self._marks(numbers_of(match))]
            begin = match.end()
        return "".join([*parts, self._words(text[begin:])])

    def _words(self, text: str) -> str:
        if self._marked and text.strip():  # words after a marker begin a new claim; markers side by side share one
            self._claim, self._marked = "", False
        self._claim += text
        return text

    def _marks(self, numbers: list[int]) -> str:
        shown = [self._mark(self._claim, number) for number in numbers]
        self._marked = True
        return "".join(f" [{number}]" for number in dict.fromkeys(shown) if number is not None)

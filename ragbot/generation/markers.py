"""Citation markers in a stream of text: those that name a passage are renumbered, all others are dropped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: [1], [1, 2], 【1】, ［1］, [passage 1]; at most 40 characters on one line, so that a stream knows when to stop waiting.
_MARKER = re.compile(
    r"[ \t]*[\[【［](?=[^\[【［\]】］\n]{1,40}[\]】］])[ \t]*(?i:passages?|段落)?[ \t]*"
    r"(\d{1,3}(?:[ \t]*[,，、][ \t]*\d{1,3})*)[ \t]*[\]】］]"
)
#: The beginning of what may become a marker: held back until it is complete or too long to be one.
_OPEN = re.compile(r"[ \t]*[\[【［][^\[【［\]】］\n]{0,40}\Z|[ \t]+\Z")


class Markers:
    """Filters pieces of text; ``numbers[i]`` is the passage (from 1) that marker ``i + 1`` of the output stands for."""

    def __init__(self, passages: int) -> None:
        self._passages = passages
        self.numbers: list[int] = []

    def filter(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yield the text with its final markers; nothing that was yielded is taken back."""
        held = ""
        for piece in pieces:
            held += piece
            opening = _OPEN.search(held)
            ready, held = (held[: opening.start()], opening.group()) if opening else (held, "")
            if ready:
                yield self._renumbered(ready)
        if held:
            yield self._renumbered(held)

    def _renumbered(self, text: str) -> str:
        return _MARKER.sub(lambda match: self._marks(match.group(1)), text)

    def _marks(self, numbers: str) -> str:
        marks = []
        for number in map(int, re.findall(r"\d+", numbers)):
            if 1 <= number <= self._passages:
                if number not in self.numbers:
                    self.numbers.append(number)
                marks.append(f" [{self.numbers.index(number) + 1}]")
        return "".join(marks)

"""Citation markers as they stand in an answer: ``[1]``, ``[1][2]``, ``[1, 2]``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

#: Numbers from 1 to 999, so that a year in brackets is none; blanks before a marker belong to it.
MARKER = re.compile(r"[ \t]*\[([1-9]\d{0,2}(?:[ \t]*[,，、][ \t]*[1-9]\d{0,2})*)\]")


def strip_markers(text: str) -> str:
    """The answer without its markers, which are no part of what it says."""
    return MARKER.sub("", text)


def markers_of(text: str) -> Iterator[tuple[int, int]]:
    """``(offset of the bracket, number)`` of every number in every marker, in order; offsets in code points."""
    for match in MARKER.finditer(text):
        for number in re.findall(r"\d+", match[1]):
            yield match.start(1) - 1, int(number)


def dangling_markers(text: str, markers: Collection[int]) -> int:
    """How many marker numbers of ``text`` stand for no citation; ``markers`` are the numbers of the citations."""
    return sum(number not in markers for _, number in markers_of(text))

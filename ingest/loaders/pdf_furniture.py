"""Takes running headers, footers and page numbers off the pages, which would stand amid the text otherwise."""

from __future__ import annotations

import re
from collections import Counter

from ingest.loaders.pdf_lines import Line

_PAGE_NUMBER = re.compile(
    r"\W*(?:(?:page|p\.|seite)?\s*\d{1,5}(?:\s*(?:/|of|von|\|)\s*\d{1,5})?|第\s*\d{1,5}\s*页(?:\W*共\s*\d{1,5}\s*页)?|[ivxlc]{1,7})\W*",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")
_MIN_GAP = 1.2  # in units of the type's size: a page number stands apart from the text
_MIN_PAGES = 3
_ROUNDS = 2  # a header or footer of two lines


def drop_furniture(pages: list[list[Line]]) -> list[list[Line]]:
    """``pages`` without the outermost lines that stand on three pages at the same height (their numbers apart), or that
    are a page's number."""
    for _ in range(_ROUNDS):
        outer = [_outermost(lines) for lines in pages]
        repeated: Counter[tuple[str, int]] = Counter()
        for lines, ends in zip(pages, outer, strict=True):
            repeated.update({_key(lines[index]) for index in ends})
        pages = [
            _without(lines, [index for index in ends
                             if repeated[_key(lines[index])] >= _MIN_PAGES or _is_number(lines, index)])
            for lines, ends in zip(pages, outer, strict=True)
        ]  # fmt: skip
    return pages


def _outermost(lines: list[Line]) -> tuple[int, ...]:
    """The indices of the topmost and the lowest line."""
    if len(lines) < 2:
        return ()
    by_height = sorted(range(len(lines)), key=lambda index: lines[index].y)
    return by_height[-1], by_height[0]


def _key(line: Line) -> tuple[str, int]:
    return _DIGITS.sub("#", line.text), round(line.y)


def _is_number(lines: list[Line], index: int) -> bool:
    if not _PAGE_NUMBER.fullmatch(lines[index].text):
        return False
    line = lines[index]
    nearest = min(abs(line.y - other.y) for position, other in enumerate(lines) if position != index)
    return nearest > _MIN_GAP * max(line.size, 8)


def _without(lines: list[Line], dropped: list[int]) -> list[Line]:
    return [line for index, line in enumerate(lines) if index not in dropped]

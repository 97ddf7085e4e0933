"""Takes running headers, footers and page numbers off the pages, which would stand amid the text otherwise."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from ingest.loaders.pdf.lines import Line

_PAGE_NUMBER = re.compile(
    r"\W*(?:(?:page|p\.|seite)?\s*\d{1,5}(?:\s*(?:/|of|von|\|)\s*\d{1,5})?|第\s*\d{1,5}\s*页(?:\W*共\s*\d{1,5}\s*页)?|[ivxlc]{1,7})\W*",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")
_MIN_PAGES = 3
_MAX_ROWS = 2  # a header or footer of two lines
_MIN_GAP = 1.7  # in units of the type's size, at least 8 points: furniture stands apart from the text


def drop_furniture(pages: list[list[Line]]) -> list[list[Line]]:
    """``pages`` without what stands apart at their top or bottom and either is a page's number, or repeats.

    To repeat is to stand on three pages at the same height, with the same words; the numbers in them may differ.
    """
    edges = [_edge(lines, 1) | _edge(lines, -1) for lines in pages]
    repeated = Counter(
        key for lines, edge in zip(pages, edges, strict=True) for key in {_key(lines[index]) for index in edge}
    )
    return [
        [
            line
            for index, line in enumerate(lines)
            if index not in edge
            or not (repeated[_key(line)] >= _MIN_PAGES or _PAGE_NUMBER.fullmatch(" ".join(line.text.split())))
        ]
        for lines, edge in zip(pages, edges, strict=True)
    ]


def _edge(lines: list[Line], side: int) -> set[int]:
    """The indices of the one or two outermost rows that a gap parts from the rest, on the ``side`` (1 top, -1 bottom)."""
    outer: set[int] = set()
    rows = 0
    order = sorted(range(len(lines)), key=lambda index: -side * lines[index].y)
    for index, following in pairwise(order):
        outer.add(index)
        gap = abs(lines[index].y - lines[following].y)
        if gap > _MIN_GAP * max(8.0, lines[index].size):
            return outer
        if gap > 2:
            rows += 1
            if rows == _MAX_ROWS:
                break
    return set()


def _key(line: Line) -> tuple[str, int]:
    return _DIGITS.sub("#", line.text), round(line.y)

"""Columns of running text that come row by row: brought into the order in which they are read.

Most programs write one column after the other, and their order is kept. Some (and every text recognition) write across
the page, so that each line of the left column is followed by the one beside it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from statistics import median

from ingest.loaders.pdf.lines import Line, first_word

MAX_LINES = 5_000  # a page has some hundred; beyond this the order of the content stands
_MIN_LINES = 3  # in each column
_MIN_WIDTH = 8  # of a column of running text, in units of the type's size; cells of tables are narrower
_EVEN = 0.6  # the usual line of running text is nearly as long as the longest
_MAX_CROSSING = 0.4  # of the lines may run over both columns: titles, captions, an abstract
_MIN_GUTTER = 0.6  # in units of the type's size
# Changes of side for each line of the shorter column: two where lines alternate; a table whose cells have several
# lines makes less than one, and columns in order change once.
_ALTERNATING = 1.2
_MAX_COLUMNS = 6


def in_columns(lines: list[Line]) -> list[Line]:
    """``lines`` in the order of reading; theirs where no columns of running text are written across each other.

    The first line of a column beside another is marked as such, in either case.
    """
    pieces = [piece for line in lines for piece in _parts(line)]
    if not 2 * _MIN_LINES <= len(pieces) <= MAX_LINES:
        return lines
    ordered = _ordered(pieces, _MAX_COLUMNS)
    return lines if ordered is None else ordered


def _ordered(pieces: list[Line], depth: int) -> list[Line] | None:
    """The pieces in another order, or None where theirs is right."""
    gutter = _gutter(pieces) if depth > 1 else None
    if gutter is None:
        return None
    left_of = [piece for piece in pieces if piece.right <= gutter]
    right_of = [piece for piece in pieces if piece.left >= gutter]
    sides = {id(piece) for piece in (*left_of, *right_of)}
    crossing = sorted((piece.y for piece in pieces if id(piece) not in sides), reverse=True)
    # What runs over both columns parts the page into bands; in each of them the left column comes first.
    bands: list[list[Line]] = [[] for _ in range(2 * len(crossing) + 1)]
    heights = [-y for y in crossing]
    for piece in pieces:
        if id(piece) in sides:
            bands[2 * bisect_left(heights, -piece.y)].append(piece)
        else:
            bands[2 * bisect_left(heights, -piece.y) + 1].append(piece)
    changed = False
    result: list[Line] = []
    for band in bands:
        left = [piece for piece in band if piece.right <= gutter]
        right = [piece for piece in band if piece.left >= gutter]
        if not (_is_running(left) and _is_running(right)):
            result.extend(band)
            continue
        changes = _changes(band, gutter)
        if changes == 1 and band[0].left < gutter:
            right[0].column = True
            result.extend(band)
        elif changes >= _ALTERNATING * min(len(left), len(right)):
            changed = True
            right[0].column = True
            for column in (left, right):
                result.extend(_ordered(column, depth - 1) or column)
        else:
            result.extend(band)
    return result if changed else None


def _gutter(pieces: list[Line]) -> float | None:
    """The left edge of the column on the right of the gutter that parts most pieces."""
    lefts, rights = sorted(piece.left for piece in pieces), sorted(piece.right for piece in pieces)
    size = median(piece.size for piece in pieces)
    best: tuple[int, int] | None = None
    gutter = None
    for edge in dict.fromkeys(lefts):
        before = bisect_right(rights, edge - _MIN_GUTTER * size)
        after = len(lefts) - bisect_left(lefts, edge)
        crossing = len(pieces) - before - after
        if min(before, after) < _MIN_LINES or crossing > _MAX_CROSSING * len(pieces):
            continue
        rank = (min(before, after), -crossing)
        if best is None or rank > best:
            best, gutter = rank, edge
    return gutter


def _is_running(column: list[Line]) -> bool:
    if len(column) < _MIN_LINES:
        return False
    widths = [piece.right - piece.left for piece in column]
    usual = median(widths)
    return usual >= _MIN_WIDTH * median(piece.size for piece in column) and usual >= _EVEN * max(widths)


def _changes(band: list[Line], gutter: float) -> int:
    """How often the lines go from one side of the gutter to the other."""
    return sum((a.left >= gutter) != (b.left >= gutter) for a, b in pairwise(band))


def _parts(line: Line) -> list[Line]:
    """A line that has wide gaps, cut at them."""
    if not line.cells:
        return [line]
    bounds = [0, *line.cells, len(line.text)]
    edges = [line.left, *(edge for gap in line.gaps for edge in gap), line.right]
    parts: list[Line] = []
    for number, (begin, end) in enumerate(pairwise(bounds)):
        text = line.text[begin:end].strip()
        left, right = edges[2 * number], edges[2 * number + 1]
        if text:
            head = line.head if number == 0 else (right - left) * len(first_word(text)) / len(text)
            parts.append(Line(text, left, right, line.y, line.size, head, line.hyphen and end == bounds[-1]))
    return parts

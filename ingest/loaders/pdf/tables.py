"""Ruled tables of a PDF page: the grid that its ruling lines make, and its cells as a Markdown table.

Ours, and not pdfplumber's finder: that parses every page a second time, with pdfminer, for 30 to 150 ms; here a page
without ruling lines costs about one, and one with a table five, with the same cells found.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from ingest.loaders.pdf.survey import Rule, Survey

MAX_RULES = 2_000  # of each direction, which are compared with each other
MAX_CROSSINGS = 20_000  # a page has room for some 5,000 cells that can be read
MAX_CELLS = 10_000
_TOUCH = 3.0  # points by which two lines may miss each other and still make a corner
_APART = 5.0  # points; lines that are nearer bound no row or column
_MIN_FILLED = 0.3  # of a table's cells; the grid of a chart has text beside it, not in it
_MAX_CELL = 2_000  # characters; a page laid out in two boxes is no table

Cell = tuple[int, int]  # row from the top, column from the left
L = TypeVar("L")


@dataclass(slots=True)
class Table(Generic[L]):
    """A grid: ``xs`` and ``ys`` ascend; ``joined`` leads from each place of it to the upper left place of its cell.

    ``cells`` holds the lines of text of each cell, put there by :func:`ingest.loaders.pdf.lines.page_lines`.
    """

    xs: list[float]
    ys: list[float]
    joined: dict[Cell, Cell]
    cells: dict[Cell, list[L]] = field(default_factory=dict)

    def cell_at(self, x: float, y: float) -> Cell | None:
        """The cell that a point lies in; None outside."""
        column, row = bisect_right(self.xs, x) - 1, len(self.ys) - 1 - bisect_right(self.ys, y)
        return self.joined.get((row, column))

    def is_filled(self, characters: Iterable[Cell]) -> bool:
        """Whether this is a table of data, given the cell of each of its visible characters."""
        counts: dict[Cell, int] = defaultdict(int)
        for cell in characters:
            counts[cell] += 1
        rows, columns = {row for row, _ in counts}, {column for _, column in counts}
        return (
            len(rows) >= 2
            and len(columns) >= 2
            and len(counts) >= _MIN_FILLED * len(set(self.joined.values()))
            and max(counts.values()) <= _MAX_CELL
        )

    def markdown(self, text_of: Callable[[Sequence[L]], str]) -> str:
        """The table, its first row as the header; a cell over several rows or columns has its text in the first."""
        texts = {cell: " ".join(text_of(lines).split()).replace("|", "\\|") for cell, lines in self.cells.items()}
        rows = sorted({row for (row, _), text in texts.items() if text})
        columns = sorted({column for (_, column), text in texts.items() if text})
        body = ["| " + " | ".join(texts.get((row, column), "") for column in columns) + " |" for row in rows]
        return "\n".join([*body[:1], "|" + " --- |" * len(columns), *body[1:]])


def find_tables(seen: Survey) -> list[Table[L]]:
    """The grids on a page, the smallest first (one may lie in another's cell); cells of them may be empty."""
    horizontal, upright = seen.horizontal, seen.upright
    if len(horizontal) < 2 or not upright or max(len(horizontal), len(upright)) > MAX_RULES:
        return []
    across, down = np.array(horizontal), np.array(upright)
    crossing = (
        (across[:, None, 1] - _TOUCH <= down[None, :, 0])
        & (down[None, :, 0] <= across[:, None, 2] + _TOUCH)
        & (down[None, :, 1] - _TOUCH <= across[:, None, 0])
        & (across[:, None, 0] <= down[None, :, 2] + _TOUCH)
    )
    pairs = np.argwhere(crossing)
    if len(pairs) > MAX_CROSSINGS:
        return []
    sets = _Sets(len(horizontal) + len(upright))
    for first, second in pairs.tolist():
        sets.unite(first, len(horizontal) + second)
    groups: dict[int, tuple[list[Rule], list[Rule]]] = defaultdict(lambda: ([], []))
    for index, rule in enumerate(horizontal):
        groups[sets.find(index)][0].append(rule)
    for index, rule in enumerate(upright):
        groups[sets.find(len(horizontal) + index)][1].append(rule)
    grids: list[Table[L] | None] = [_grid(rows, columns) for rows, columns in groups.values()]
    tables = [table for table in grids if table is not None]
    return sorted(tables, key=lambda table: (table.xs[-1] - table.xs[0]) * (table.ys[-1] - table.ys[0]))


def _grid(horizontal: list[Rule], upright: list[Rule]) -> Table[L] | None:
    if len(horizontal) < 2 or not upright:
        return None
    # The ends count too: many tables are open at their left and right.
    xs = _positions([rule.at for rule in upright], [r.start for r in horizontal], [r.end for r in horizontal])
    ys = _positions([rule.at for rule in horizontal], [r.start for r in upright], [r.end for r in upright])
    columns, rows = len(xs) - 1, len(ys) - 1
    if columns < 2 or rows < 2 or columns * rows > MAX_CELLS:
        return None
    walls = _walls(upright, xs, ys)
    floors = _walls(horizontal, ys, xs)
    sets = _Sets(rows * columns)
    for row in range(rows):
        band = rows - 1 - row  # bands are counted from below, as y is
        for column in range(columns):
            place = row * columns + column
            if column + 1 < columns and (column + 1, band) not in walls:
                sets.unite(place, place + 1)
            if row + 1 < rows and (band, column) not in floors:
                sets.unite(place, place + columns)
    # unite() keeps the smaller root, which is the upper left place, rows first.
    joined = {
        (row, column): divmod(sets.find(row * columns + column), columns)
        for row in range(rows)
        for column in range(columns)
    }
    return Table(xs, ys, joined)


def _positions(lines: list[float], starts: list[float], ends: list[float]) -> list[float]:
    positions: list[float] = []
    for position in sorted([*lines]):
        if not positions or position - positions[-1] > _APART:
            positions.append(position)
    if min(starts) < positions[0] - _APART:
        positions.insert(0, min(starts))
    if max(ends) > positions[-1] + _APART:
        positions.append(max(ends))
    return positions


def _walls(rules: list[Rule], own: list[float], other: list[float]) -> set[tuple[int, int]]:
    """``(index of the line, index of the band)`` wherever a rule parts two places of a grid."""
    walls: set[tuple[int, int]] = set()
    for rule in rules:
        line = min(range(len(own)), key=lambda index: abs(own[index] - rule.at))
        for band in range(len(other) - 1):
            if rule.start <= (other[band] + other[band + 1]) / 2 <= rule.end:
                walls.add((line, band))
    return walls


class _Sets:
    """Disjoint sets of numbers (union-find); a set is called by its smallest member."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))

    def find(self, item: int) -> int:
        while self._parents[item] != item:
            self._parents[item] = self._parents[self._parents[item]]
            item = self._parents[item]
        return item

    def unite(self, first: int, second: int) -> None:
        first, second = self.find(first), self.find(second)
        self._parents[max(first, second)] = min(first, second)

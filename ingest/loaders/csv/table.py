"""Rows of cells as text, for separated values and workbooks alike: one row a line that explains itself.

``Name: Widget · Price: 3.50`` is the form in every language. A colon and a space read well after Chinese labels too;
a middle dot between spaces ends no sentence for any splitter (a semicolon does in Chinese), and is neither a decimal
mark nor a separator of thousands. A blank line stands between rows: the chunkers join whole paragraphs, and would cut
lines of one paragraph at any full stop inside a cell.

Each run of at most :data:`BLOCK_ROWS` rows stands under a heading with its range, ``Prices!A2:F21``, so that a
citation leads to the cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingest.loaders.csv.header import find_header
from ragbot.documents import Heading
from ragbot.errors import LoaderError

#: Half a million cells are some 15 MB of text, hours of embedding on a processor: beyond that a database is meant.
MAX_CELLS = 500_000
#: The columns of a sheet in every spreadsheet program.
MAX_COLUMNS = 16_384
#: Labels are repeated in each row and strings are shared between cells, so a small file may ask for any length.
MAX_CHARACTERS = 64_000_000
#: Few enough rows that a reader finds the one that is meant.
BLOCK_ROWS = 20

SEPARATOR = " · "


@dataclass(frozen=True, slots=True)
class Row:
    """A row's number and its filled cells by column, both counted from 1; texts are on one line and clean.

    ``spans`` gives the last column of cells that are merged with those on their right.
    """

    number: int
    cells: Mapping[int, str]
    spans: Mapping[int, int] = field(default_factory=dict)


class TableText:
    """Collects the text of one or more sheets, and the headings that name their ranges."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._parts: list[str] = []
        self._length = 0
        self._cells = 0
        self._characters = 0
        self.headings: list[Heading] = []

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._parts)

    def add_sheet(self, name: str, rows: Sequence[Row]) -> None:
        """Append the rows of a sheet (``name`` is empty where there are no sheets), in ascending order.

        Raises:
            LoaderError: too many cells, or too much text.
        """
        name = " ".join(name.split())
        header: Mapping[int, str] = {}
        first = True
        for region in _regions(rows):
            titles = _titles(region)
            body = region[titles:]
            found, depth = find_header([(row.cells, row.spans) for row in body[:60]], header)
            if depth:
                header = found
            # A part below a blank row goes on under the header above, if it has as many columns.
            labels = header if depth or all(row.cells.keys() <= header.keys() for row in body) else {}
            # Titles and header stand as they are, before the rows: nothing of the sheet is left out.
            lead = titles + depth
            lines = [(row, self._plain(row)) for row in region[:lead]]
            is_list = not labels and len(set().union(*(row.cells for row in body))) == 1  # a letter would tell nothing
            lines += [(row, self._plain(row) if is_list else self._line(row, labels)) for row in region[lead:]]
            for start in range(0, max(len(lines) - lead, 1), BLOCK_ROWS):
                self._add_block(name, lines[start + lead if start else 0 : start + lead + BLOCK_ROWS], first)
                first = False

    def count(self, cells: int) -> None:
        """Count filled cells, as soon as they are known.

        Raises:
            LoaderError: there are more than :data:`MAX_CELLS`.
        """
        self._cells += cells
        if self._cells > MAX_CELLS:
            raise LoaderError(
                f"{self._name} has more than {MAX_CELLS:,} filled cells, which is the most that is read: split it into "
                "several files, or keep the rows and columns that people ask about"
            )

    def _plain(self, row: Row) -> str:
        self._room_for(sum(len(value) + len(SEPARATOR) for value in row.cells.values()))
        return SEPARATOR.join(row.cells[column] for column in sorted(row.cells))

    def _line(self, row: Row, labels: Mapping[int, str]) -> str:
        parts = [(labels.get(column) or column_letter(column), row.cells[column]) for column in sorted(row.cells)]
        self._room_for(sum(len(label) + len(value) + 2 + len(SEPARATOR) for label, value in parts))
        return SEPARATOR.join(f"{label}: {value}" for label, value in parts)

    def _add_block(self, sheet: str, lines: Sequence[tuple[Row, str]], first: bool) -> None:
        columns = [column for row, _ in lines for column in (min(row.cells), max(row.cells))]
        begin = f"{column_letter(min(columns))}{lines[0][0].number}"
        end = f"{column_letter(max(columns))}{lines[-1][0].number}"
        where = (f"{sheet}!" if sheet else "") + (begin if begin == end else f"{begin}:{end}")
        if self._parts:
            self._append("\n\n")
        if first and sheet:
            # The line of the first range names the sheet too: another line would be a chunk with nothing in it.
            self.headings.append(Heading(self._length, 1, sheet))
        self.headings.append(Heading(self._length, 2, where))
        self._append("\n\n".join((where, *(line for _, line in lines))))

    def _append(self, part: str) -> None:
        self._parts.append(part)
        self._length += len(part)

    def _room_for(self, characters: int) -> None:
        self._characters += characters
        if self._characters > MAX_CHARACTERS:
            raise LoaderError(
                f"{self._name} would give more than {MAX_CHARACTERS:,} characters of text: split it into several files"
            )


def column_letter(column: int) -> str:
    """The name of a column counted from 1: A, B, ... Z, AA, ..."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _regions(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that stand together: an empty row ends a region."""
    regions: list[list[Row]] = []
    previous = None
    for row in rows:
        if not row.cells:
            continue
        if previous is None or row.number > previous + 1:
            regions.append([])
        regions[-1].append(row)
        previous = row.number
    return regions


def _titles(region: Sequence[Row]) -> int:
    """How many rows on top are titles: a single cell each, above rows that have more."""
    for index, row in enumerate(region):
        if len(row.cells) > 1:
            return index
    return 0

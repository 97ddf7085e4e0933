"""The filled cells of one sheet, in one pass; what the file claims about its size is not looked at."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable

from ingest.loaders.csv.table import MAX_CELLS, MAX_COLUMNS, Row
from ingest.loaders.xlsx.package import Attributes, Package
from ingest.loaders.xlsx.values import NumberFormat, iso_moment, show, unescape
from ingest.loaders.xlsx.workbook import MAX_CELL_CHARACTERS, CellText, TooMuchTextError, Workbook

MAX_ROWS = 1_048_576  # of a sheet, in every spreadsheet program

_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d{1,7})", re.ASCII)
_GENERAL = NumberFormat()


def read_sheet(package: Package, part: str, workbook: Workbook, count: Callable[[int], None]) -> list[Row]:
    """The rows that have filled cells.

    What is merged over several rows stands in each of them, so that every row is whole; what is merged over columns
    stands in the first, with the last one in ``spans``. A formula without a stored value is given as it is written.

    Args:
        package: the workbook's package.
        part: the sheet's part.
        workbook: its strings and formats.
        count: is told of each filled cell, and may raise.

    Raises:
        LookupError, ValueError, expat.ExpatError: the sheet is damaged, or out of bounds.
    """
    reader = _SheetReader(workbook, count)
    package.parse(part, reader.start, reader.end)
    return _merged(reader.rows, reader.merges, count)


class _SheetReader:
    def __init__(self, workbook: Workbook, count: Callable[[int], None]) -> None:
        self.rows: dict[int, dict[int, str]] = {}
        self.merges: list[tuple[int, int, int, int]] = []
        self._workbook = workbook
        self._count = count
        self._row = self._column = 0
        self._kind = "n"
        self._style = 0
        self._value: str | None = None
        self._formula = ""
        self._inline = CellText()

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "c":
            reference = attributes.get("r")
            # Both positions may be left out: then it is the next one.
            self._column = _position(reference)[1] if reference else self._column + 1
            self._kind = attributes.get("t", "n")
            self._style = int(attributes.get("s", "0"))
            self._value, self._formula = None, ""
        elif tag == "row":
            self._row = int(attributes.get("r", self._row + 1))
            self._column = 0
            if not 1 <= self._row <= MAX_ROWS:
                raise ValueError(f"a row numbered {self._row}")
        elif tag == "mergeCell":
            begin, _, end = attributes["ref"].partition(":")
            self.merges.append((*_position(begin), *_position(end or begin)))
        elif tag == "is":
            self._inline = CellText()
        else:
            self._inline.start(tag)

    def end(self, tag: str, text: str) -> None:
        if tag == "v":
            self._value = text
        elif tag == "f":
            self._formula = text
        elif tag == "c":
            self._add(self._text())
        else:
            self._inline.end(tag, text)

    def _text(self) -> str:
        if self._kind == "inlineStr":
            return self._inline.take()
        if not self._value:
            return unescape(f"={self._formula}") if self._formula and self._value is None else ""
        if self._kind == "s":
            index = int(self._value)
            if index < 0:
                raise ValueError(f"string number {index}")
            return self._workbook.strings[index]
        if self._kind == "n":
            formats = self._workbook.formats
            style = formats[self._style] if 0 <= self._style < len(formats) else _GENERAL
            return show(self._value.strip(), style, self._workbook.from_1904)
        if self._kind == "b":
            return "TRUE" if self._value.strip() in {"1", "true"} else "FALSE"
        return iso_moment(self._value) if self._kind == "d" else unescape(self._value)

    def _add(self, text: str) -> None:
        if not text:
            return
        if len(text) > MAX_CELL_CHARACTERS:
            raise TooMuchTextError(f"a cell of more than {MAX_CELL_CHARACTERS:,} characters")
        if self._column > MAX_COLUMNS:
            raise ValueError(f"a cell in column {self._column}")
        self._count(1)
        self.rows.setdefault(self._row, {})[self._column] = text


def _position(reference: str) -> tuple[int, int]:
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise ValueError(f"a cell at {reference[:20]!r}")
    column = 0
    for letter in match[1].upper():
        column = 26 * column + ord(letter) - ord("A") + 1
    return int(match[2]), column


def _merged(
    rows: dict[int, dict[int, str]], merges: list[tuple[int, int, int, int]], count: Callable[[int], None]
) -> list[Row]:
    numbers = sorted(rows)
    spans: dict[int, dict[int, int]] = {}
    steps = 0
    for top, left, bottom, right in merges:
        value = rows.get(top, {}).get(left)
        if value is None:
            continue
        for index in range(bisect_left(numbers, top), bisect_right(numbers, bottom)):
            number = numbers[index]
            steps += 1
            if steps > MAX_CELLS:
                raise ValueError("merged cells that overlap")
            if left not in rows[number]:
                count(1)
                rows[number][left] = value
            if right > left:
                spans.setdefault(number, {})[left] = min(right, MAX_COLUMNS)
    return [Row(number, rows[number], spans.get(number, {})) for number in numbers]

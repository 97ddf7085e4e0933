"""Separated values (.csv, .tsv): one row a line that repeats the labels of its cells, under the range that it is from.

The delimiter is the one that cuts the file into rows of the same width. (:class:`csv.Sniffer` guesses from single
lines, and takes a letter for a delimiter where there is none.)
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ingest.loaders.csv.table import MAX_COLUMNS, Row, TableText
from ingest.loaders.fields import pick_language, pick_title
from ingest.loaders.source import DEFAULT_MAX_BYTES, empty
from ingest.loaders.text import read_text
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError

#: Far more than the widest row that a spreadsheet holds in practice; the csv module takes it apart at once, in memory.
MAX_RECORD = 1_000_000

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_CHARACTERS = 64 * 1024
_SAMPLE_RECORDS = 100
# A title or a note above the table, and a ragged row here and there, are put up with.
_MIN_REGULAR = 0.5
_DECLARED = re.compile(r"\s*sep=(.)[ \t]*(?:\n|\Z)", re.IGNORECASE)  # Excel's own line
_COMMA_OUTSIDE_NUMBERS = re.compile(r"(?<!\d),|,(?!\d)")


class CsvLoader:
    """Reads .csv and .tsv; ``metadata`` names the encoding, the delimiter, and damaged quotes if there are any."""

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def load(self, path: Path) -> ParsedDocument:
        """See :meth:`ingest.loaders.base.Loader.load`."""
        text, metadata = read_text(path, self._max_bytes)
        declared = _DECLARED.match(text)
        if declared:
            text = text[declared.end() :]
        delimiter = declared.group(1) if declared else find_delimiter(text, path.suffix.lower() == ".tsv")
        if delimiter:
            metadata["delimiter"] = {"\t": "tab"}.get(delimiter, delimiter)
        table = TableText(path)
        try:
            rows = _rows(_records(_Lines(text, path), delimiter), table, path)
        except csv.Error:
            # A quote that is opened and never closed swallows the rows after it: read line by line instead.
            metadata["damaged_quotes"] = "read line by line"
            table = TableText(path)
            rows = _rows(_by_line(_Lines(text, path), delimiter, path), table, path)
        table.add_sheet("", rows)
        content = table.text
        if not content:
            raise empty(path)
        return ParsedDocument(
            text=content,
            title=pick_title("", (), path),
            type=path.suffix.lower().lstrip(".") or "csv",
            language=pick_language("", content),
            headings=tuple(table.headings),
            metadata=metadata,
        )


def find_delimiter(text: str, prefer_tab: bool = False) -> str:
    """The delimiter that gives the first rows the same width of two or more; ``""`` where none does."""
    sample = text[:_SAMPLE_CHARACTERS]
    if len(text) > len(sample) and "\n" in sample:
        sample = sample[: sample.rfind("\n")]
    shares: dict[str, float] = {}
    for delimiter in sorted(_DELIMITERS, key=lambda one: one != "\t") if prefer_tab else _DELIMITERS:
        try:
            records = csv.reader(sample.split("\n"), delimiter=delimiter)
            widths = [len(record) for record, _ in zip(records, range(_SAMPLE_RECORDS), strict=False) if record]
        except csv.Error:
            continue
        width, count = Counter(widths).most_common(1)[0] if widths else (1, 0)
        if width > 1 and count >= _MIN_REGULAR * len(widths):
            shares[delimiter] = count / len(widths)
    if len(shares) > 1 and "," in shares and not _COMMA_OUTSIDE_NUMBERS.search(sample):
        del shares[","]  # 3,50 in a table that is cut by something else
    return max(shares, key=lambda one: shares[one], default="")


class _Lines(Iterator[str]):
    """The lines of a text, for a csv reader; a record that grows out of bounds is refused before it is parsed."""

    def __init__(self, text: str, path: Path) -> None:
        self._text = text
        self._path = path
        self._at = 0
        self.number = 0
        self.pending = 0  # characters since the last record

    def __next__(self) -> str:
        if self._at >= len(self._text):
            raise StopIteration
        end = self._text.find("\n", self._at) + 1 or len(self._text)
        self.number += 1
        self.pending += end - self._at
        if end - self._at > MAX_RECORD:
            raise LoaderError(
                f"{self._path.name} has {end - self._at:,} characters in line {self.number:,}, at most {MAX_RECORD:,} "
                f"are read as a row: if it is no table, rename it to {self._path.stem}.txt"
            )
        if self.pending > MAX_RECORD:
            raise csv.Error("a record without an end")
        line = self._text[self._at : end]
        self._at = end
        return line


def _records(lines: _Lines, delimiter: str) -> Iterator[list[str]]:
    if not delimiter:  # one column: quotes may still hold line ends
        delimiter = "\x1f"  # a control character, of which a clean text has none
    for record in csv.reader(lines, delimiter=delimiter, strict=True):
        lines.pending = 0
        yield record


def _by_line(lines: _Lines, delimiter: str, path: Path) -> Iterator[list[str]]:
    for line in lines:
        lines.pending = 0
        try:
            if line.count('"') % 2:
                yield from csv.reader([line], delimiter=delimiter or "\x1f", quoting=csv.QUOTE_NONE)
            else:
                yield from csv.reader([line], delimiter=delimiter or "\x1f")
        except csv.Error as error:
            raise LoaderError(
                f"{path.name} cannot be read as a table (line {lines.number:,}: {error}): if it is none, rename it to "
                f"{path.stem}.txt"
            ) from error


def _rows(records: Iterator[list[str]], table: TableText, path: Path) -> list[Row]:
    rows: list[Row] = []
    for number, record in enumerate(records, start=1):
        if len(record) > MAX_COLUMNS:
            raise LoaderError(
                f"{path.name} has {len(record):,} columns in row {number:,}, at most {MAX_COLUMNS:,} are read: "
                "split it, or check its delimiter"
            )
        cells = {column: value for column, cell in enumerate(record, start=1) if (value := " ".join(cell.split()))}
        table.count(len(cells))
        if cells:
            rows.append(Row(number, cells))
    return rows

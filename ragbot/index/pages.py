"""The pages of an SQLite file that SQLite itself may not be able to read, and the rows that stand in them.

Nothing that leads to a row is trusted: every page is looked at (file format: https://sqlite.org/fileformat2.html,
sections 1.3, 1.5, 1.6, 2.1 and 4). Whoever asks decides by checksums what is a row.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ragbot.errors import NewerVersionError
from ragbot.index.schema import VERSION

Row = tuple[Any, ...]

#: Types of pages: inside and at the end of an index (or a table without row ids), and at the end of a table.
INDEX_INNER, INDEX_LEAF, TABLE_LEAF = 0x02, 0x0A, 0x0D
#: Bytes of a page where nothing says it: what SQLite makes unless told otherwise.
_PAGE = 4096
_FRAME = 24
#: Of the widest table; a row of more is none of ours.
COLUMNS = 16
_LONGEST = 10**9  # bytes of a row, SQLite's own limit
#: A page belongs to one row, but a damaged chain may run into it: so often it is read, and no more.
_VISITS = 8


class Pages:
    """The pages as the last commit left them; what the disk does not give is read as zeros.

    Raises:
        NewerVersionError: a newer ragbot made it.
    """

    def __init__(self, file: BinaryIO, log: BinaryIO, folder: Path) -> None:
        self._file, self._log = file, log
        header = _read(file, 0, 100)
        if not header.startswith(b"SQLite format 3\0"):
            header = bytes(100)
        (version,) = struct.unpack(">I", header[60:64])
        if version > VERSION:
            raise NewerVersionError(f"{folder} was made by a newer ragbot (format {version}): pip install -U ragbot")
        size = int.from_bytes(header[16:18], "big")
        self.size = size if size >= 512 and not size & (size - 1) else _PAGE
        self.count = -(-file.seek(0, os.SEEK_END) // self.size)
        #: Where the newest state of a page stands in the log.
        self._logged: dict[int, int] = {}
        #: Up to here, the log lacks a change of nobody knows which page.
        self._gap = -1
        self._read_log()
        self._visits = bytearray(self.count + 1)

    def _read_log(self) -> None:
        """Section 4. A frame that is damaged still tells which page is out of date, unless its own head is gone."""
        header, step = _read(self._log, 0, 32), _FRAME + self.size
        order = "<" if header[3] == 0x82 else ">"
        sums = struct.unpack(">2I", header[24:])
        sound = _log_sums(order, header[:24], (0, 0)) == sums != (0, 0)
        frames = range(32, self._log.seek(0, os.SEEK_END) - step + 1, step)
        salts = [header[16:24]] if sound else [_read(self._log, at + 8, 8) for at in frames[:2]]
        salt = next((salt for salt in salts if any(salt)), b"")
        seed, pages, gap, newest = sums if sound else None, dict[int, int](), -1, self.count
        for at in frames:
            frame = _read(self._log, at, step)
            number, size, *stored = struct.unpack(">2I8x2I", frame[:_FRAME])
            ours = frame[8:16] == salt and 0 < number <= newest + len(frames)
            if ours:
                pages[number] = at + _FRAME
            else:
                gap = at
            if ours and size and seed and _log_sums(order, frame[:8] + frame[_FRAME:], seed) == tuple(stored):
                self._logged, self._gap = dict(pages), gap
                self.count = min(size, max(newest, *pages))
            seed = tuple(stored) if ours else None

    def current(self, number: int) -> bool:
        """Whether no newer state of the page can have been lost with a part of the log."""
        return self._logged.get(number, -1) >= self._gap

    def rows(self, number: int) -> Iterator[tuple[int, int, Row | None]]:
        """Type of the page, row id and values of each cell on it; None for one that cannot be read."""
        page = self._page(number)
        at = 100 if number == 1 else 0
        kind = page[at]
        if kind not in {INDEX_INNER, INDEX_LEAF, TABLE_LEAF}:
            return
        (cells,) = struct.unpack_from(">H", page, at + 3)
        at += 12 if kind == INDEX_INNER else 8
        room = self.size  # cells do not overlap: whoever lets them costs us no more than others
        for pointer in range(at, min(at + 2 * cells, self.size - 1), 2):
            (start,) = struct.unpack_from(">H", page, pointer)
            try:
                row_id, row, length = self._cell(page, start + 4 * (kind == INDEX_INNER), kind == TABLE_LEAF)
            except (IndexError, ValueError):  # what stands there is no row
                yield kind, 0, None
                continue
            room -= length
            if room < 0:
                return
            yield kind, row_id, row

    def _page(self, number: int) -> bytes:
        at = self._logged.get(number)
        return _read(self._file, (number - 1) * self.size, self.size) if at is None else _read(self._log, at, self.size)

    def _cell(self, page: bytes, at: int, table: bool) -> tuple[int, Row, int]:
        """Section 1.6. Row id, values, and how many bytes of the page they take."""
        length, at = _varint(page, at)
        row_id, at = _varint(page, at) if table else (0, at)
        most = self.size - 35 if table else (self.size - 12) * 64 // 255 - 23
        least = (self.size - 12) * 32 // 255 - 23
        local = length
        if length > most:
            local = least + (length - least) % (self.size - 4)
            local = local if local <= most else least
        if length > min(_LONGEST, self.count * self.size) or at + local + 4 * (local < length) > self.size:
            raise ValueError("longer than the file")
        columns, begin = _columns(page[at : at + local], length)
        payload = page[at : at + local]
        if local < length:
            payload = self._chain(payload, int.from_bytes(page[at + local : at + local + 4], "big"), length)
        return row_id, _values(payload, columns, begin), local

    def _chain(self, payload: bytes, number: int, length: int) -> bytes:
        """The rest of a row, on pages of its own: each names the next."""
        parts, left, seen = [payload], length - len(payload), set[int]()
        while left:
            if not 1 < number <= self.count or number in seen or self._visits[number] >= _VISITS:
                raise ValueError("the chain of pages is broken")
            seen.add(number)
            self._visits[number] += 1
            page = self._page(number)
            parts.append(page[4 : 4 + left])
            left -= len(parts[-1])
            number = int.from_bytes(page[:4], "big")
        return b"".join(parts)


def _read(file: BinaryIO, at: int, length: int) -> bytes:
    try:
        file.seek(at)
        return file.read(length).ljust(length, b"\0")
    except OSError:  # a bad place on the disk
        return bytes(length)


def _log_sums(order: str, data: bytes, sums: tuple[int, ...]) -> tuple[int, ...]:
    first, second = sums
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for one, two in zip(words, words, strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return first, second


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for n in range(8):
        value = value << 7 | data[at + n] & 0x7F
        if data[at + n] < 0x80:
            return value, at + n + 1
    return value << 8 | data[at + 8], at + 9  # negative numbers come out as too large, which they are


def _columns(record: bytes, length: int) -> tuple[list[int], int]:
    """Section 2.1. The types of the columns, and where their values begin; ValueError for what is no row of ours."""
    begin, at = _varint(record, 0)
    columns: list[int] = []
    while at < begin and len(columns) <= COLUMNS:
        column, at = _varint(record, at)
        columns.append(column)
    if at != begin or begin + sum(map(_width, columns)) != length:
        raise ValueError("not a record")
    return columns, begin


def _width(column: int) -> int:
    if column in {7, 10, 11}:
        raise ValueError("a type that we never store")
    return (column - 12) // 2 if column >= 12 else (0, 1, 2, 3, 4, 6, 8, 0, 0, 0)[column]


def _values(payload: bytes, columns: list[int], at: int) -> Row:
    values: list[Any] = []
    for column in columns:
        raw = payload[at : at + _width(column)]
        at += len(raw)
        if column >= 12:
            values.append(raw.decode("utf-8", "replace") if column % 2 else raw)
        else:
            values.append(column - 8 if column >= 8 else int.from_bytes(raw, "big", signed=True) if column else None)
    return tuple(values)

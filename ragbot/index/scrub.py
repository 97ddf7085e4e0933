"""Overwrite what no row uses any more in the pages of an SQLite file.

``PRAGMA secure_delete`` overwrites a row where it is deleted. Where SQLite has moved that row from page to page before,
because a page ran over or two were joined, the copies that stayed behind in unused parts of pages are overlooked. What is
used follows from the pages alone (file format: https://sqlite.org/fileformat2.html, sections 1.2 to 1.6), and
only bytes that nothing uses are written: a process that is killed in between leaves the same rows.

The caller sees to it that nobody writes to the file meanwhile, and that no write-ahead log holds newer pages.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_INDEX_INNER, _TABLE_INNER, _INDEX_LEAF, _TABLE_LEAF = 0x02, 0x05, 0x0A, 0x0D
_KINDS = {_INDEX_INNER, _TABLE_INNER, _INDEX_LEAF, _TABLE_LEAF}
#: Bytes that are read at once, about.
_BLOCK = 1 << 20
#: The page that holds this byte is never used: SQLite locks it.
_LOCK_BYTE = 1 << 30
#: Below this many pages, the first byte of an overflow page (of the number of the next one) is 0 or 1, and none of the
#: kinds above. 128 GB of the usual pages.
_MOST = 1 << 25

#: Used and unused parts of a page: from, and up to.
Span = tuple[int, int]


class UnknownPageError(ValueError):
    """A page, or the file's header, is not what the format says; nothing of it was changed."""


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """Pages that were looked at, those in which something was overwritten, and those that were not understood."""

    pages: int
    cleaned: int
    unknown: int


class Marks:
    """A set of page numbers; one byte for each page of the file."""

    def __init__(self) -> None:
        self._marks = bytearray()

    def add(self, number: int) -> None:
        """Put a page (from 1) into it."""
        if number >= len(self._marks):
            self._marks.extend(bytes(number + 1 - len(self._marks)))
        self._marks[number] = 1

    def __contains__(self, number: int) -> bool:
        return number < len(self._marks) and self._marks[number] == 1

    def runs(self, longest: int) -> Iterator[range]:
        """The numbers in order, as ranges of at most so many."""
        begin = self._marks.find(1)
        while begin >= 0:
            end = self._marks.find(0, begin)
            end = len(self._marks) if end < 0 else end
            for at in range(begin, end, longest):
                yield range(at, min(at + longest, end))
            begin = self._marks.find(1, end)


def scrub(file: int, marks: Marks | None = None) -> Scrubbed:
    """Overwrite with zeros what nothing uses, and see to it that the disk has it.

    Args:
        file: a descriptor, open for reading and writing.
        marks: the pages to look at; all of them where it is None.

    Raises:
        UnknownPageError: it is no SQLite file, or not of a kind that is known here.
        OSError: it cannot be read or written.
    """
    scrubber = _Scrubber(file, marks)
    scrubber.run()
    if scrubber.cleaned:
        os.fsync(file)
    return Scrubbed(scrubber.looked_at, scrubber.cleaned, scrubber.unknown)


class _Scrubber:
    def __init__(self, file: int, marks: Marks | None) -> None:
        self._file, self._marks = file, marks
        self.looked_at = self.cleaned = self.unknown = 0
        header = self._read(0, 100)
        size = int.from_bytes(header[16:18], "big")
        self._size = 65536 if size == 1 else size
        length = os.fstat(file).st_size
        # Bytes that every file has: 20 is room that extensions reserve on each page, 21 to 23 are fixed.
        if header[:16] != b"SQLite format 3\0" or header[20:24] != b"\0\x40\x20\x20":
            raise UnknownPageError("its header is not SQLite's")
        if self._size < 512 or self._size & (self._size - 1) or length % self._size:
            raise UnknownPageError("its pages are not whole")
        self._count = length // self._size
        if self._count >= _MOST or int.from_bytes(header[28:32], "big") != self._count:
            raise UnknownPageError("its header names another number of pages")
        #: Pages that tell to which page another belongs: there only where the file is kept without free pages.
        self._every = self._size // 5 + 1 if header[52:56] != bytes(4) else 0
        self._free = self._free_pages(*struct.unpack(">2I", header[32:40]))

    def run(self) -> None:
        step = max(1, _BLOCK // self._size)
        runs = self._marks.runs(step) if self._marks is not None else _runs(self._count, step)
        for run in runs:
            block = self._read((run.start - 1) * self._size, len(run) * self._size)
            for index in range(len(block) // self._size):  # less than asked for where the file has become shorter
                self.looked_at += 1
                try:
                    self._page(run.start + index, block[index * self._size : (index + 1) * self._size])
                except (UnknownPageError, IndexError, struct.error):
                    self.unknown += 1

    def _page(self, number: int, page: bytes) -> None:
        if number == _LOCK_BYTE // self._size + 1 or (self._every and number % self._every == 2 % self._every):
            return
        if number in self._free:
            self._clean(number, page, [(self._free[number], self._size)])
            return
        base = 100 if number == 1 else 0
        if page[base] not in _KINDS:
            if page[0] > 1:
                raise UnknownPageError(number)
            return  # a part of a long row: looked at where the row begins
        dead, chains = unused(page, base)
        for first, left in chains:
            if self._marks is None or first in self._marks:
                self._end_of_row(first, left)
        self._clean(number, page, dead)

    def _clean(self, number: int, page: bytes, dead: list[Span]) -> None:
        found = False
        for start, end in dead:
            if page.count(0, start, end) != end - start:
                os.lseek(self._file, (number - 1) * self._size + start, os.SEEK_SET)
                if os.write(self._file, bytes(end - start)) != end - start:
                    raise OSError(f"page {number} could not be written")
                found = True
        self.cleaned += found

    def _end_of_row(self, number: int, left: int) -> None:
        """Clean what is behind the end of a row, on the last of its pages."""
        room = self._size - 4
        while left > room:
            self._check(number)
            number = int.from_bytes(self._read((number - 1) * self._size, 4), "big")
            left -= room
        self._check(number)
        page = self._read((number - 1) * self._size, self._size)
        if page[:4] != bytes(4):
            raise UnknownPageError(number)
        self._clean(number, page, [(4 + left, self._size)])

    def _check(self, number: int) -> None:
        if not 1 < number <= self._count or number in self._free:
            raise UnknownPageError(number)

    def _free_pages(self, trunk: int, count: int) -> dict[int, int]:
        """The free pages, each with the bytes at its beginning that are used."""
        found: dict[int, int] = {}
        while trunk:
            page = self._read((trunk - 1) * self._size, self._size)
            following, leaves = struct.unpack_from(">2I", page) if len(page) == self._size else (0, self._size)
            if leaves > self._size // 4 - 2:
                raise UnknownPageError("its list of free pages is damaged")
            numbers = struct.unpack_from(f">{leaves}I", page, 8)
            fresh = {trunk: 8 + 4 * leaves, **dict.fromkeys(numbers, 0)}
            if len(fresh) != leaves + 1 or found.keys() & fresh.keys() or len(found) > count:
                raise UnknownPageError("its list of free pages is damaged")
            found |= fresh
            trunk = following
        if len(found) != count or any(not 1 < number <= self._count for number in found):
            raise UnknownPageError("its list of free pages is damaged")
        return found

    def _read(self, at: int, length: int) -> bytes:
        os.lseek(self._file, at, os.SEEK_SET)
        return os.read(self._file, length)


def unused(page: bytes, base: int = 0) -> tuple[list[Span], list[tuple[int, int]]]:
    """What no cell uses of a page of a b-tree (sections 1.5 and 1.6).

    Args:
        page: the whole page, of a file that reserves no room on its pages.
        base: where its header begins: 100 on the first page of a file, 0 on any other.

    Returns:
        The unused spans, and for each row that goes on elsewhere its next page and how many bytes are there.

    Raises:
        UnknownPageError: used and unused bytes do not add up to what the page itself says.
        IndexError, struct.error: a number in it points outside of it.
    """
    kind, block, cells, content, fragments = struct.unpack_from(">BHHHB", page, base)
    size, content = len(page), content or 65536
    head = base + (12 if kind in {_INDEX_INNER, _TABLE_INNER} else 8)
    gap = head + 2 * cells
    if not gap <= content <= size:
        raise UnknownPageError("the cells begin before their list ends")
    measure, chains = _cell(kind, size), []
    used, dead = [], [(gap, content)]
    for start in struct.unpack_from(f">{cells}H", page, head):
        end, overflow = measure(page, start)
        used.append((start, max(end, start + 4)))
        if overflow:
            chains.append((int.from_bytes(page[end - 4 : end], "big"), overflow))
    while block:
        following, length = struct.unpack_from(">2H", page, block)
        used.append((block, block + length))
        dead.append((block + 4, block + length))
        if length < 4 or 0 < following < block + length:
            raise UnknownPageError("its list of free bytes is damaged")
        block = following
    at, lost = content, 0
    for start, end in (*sorted(used), (size, size)):
        if start < at or end > size:
            raise UnknownPageError("two cells overlap")
        lost += start - at
        dead.append((at, start))
        at = end
    if lost != fragments:
        raise UnknownPageError("bytes are missing")
    return [span for span in dead if span[0] < span[1]], chains


def _cell(kind: int, size: int) -> Callable[[bytes, int], tuple[int, int]]:
    """What finds the end of a cell that begins at a place, and how many of its bytes stand on other pages."""
    least = (size - 12) * 32 // 255 - 23
    most = size - 35 if kind == _TABLE_LEAF else (size - 12) * 64 // 255 - 23
    child = 4 if kind in {_INDEX_INNER, _TABLE_INNER} else 0

    def measure(page: bytes, at: int) -> tuple[int, int]:
        length, at = _varint(page, at + child)
        if kind == _TABLE_INNER:  # what was read is the row id
            return at, 0
        if kind == _TABLE_LEAF:
            _, at = _varint(page, at)
        if length <= most:
            return at + length, 0
        local = least + (length - least) % (size - 4)
        local = local if local <= most else least
        return at + local + 4, length - local

    return measure


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, seven bits each but for the last one's eight, and where it ends."""
    value = 0
    for _ in range(8):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    return value << 8 | data[at], at + 1


def _runs(count: int, longest: int) -> Iterator[range]:
    for begin in range(1, count + 1, longest):
        yield range(begin, min(begin + longest, count + 1))

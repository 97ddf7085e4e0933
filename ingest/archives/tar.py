"""TAR archives, plain or packed by gzip, bzip2 or xz, read once from front to back."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import BinaryIO

from ingest.archives.budget import Budget
from ingest.archives.entries import ArchiveError, Entry
from ingest.archives.names import name_encoding
from ingest.inflate import MAGIC, PIECE, InflateError, Inflater, Packing

#: Headers in front of one member. A path and its times take some hundred bytes, attributes of macOS up to 100 KiB;
#: tarfile would take in, and keep, as much as an archive says.
MAX_HEADER = 256 * 1024
#: Attributes that are to hold for all members; tarfile copies them for each. Git writes one.
MAX_GLOBAL = 1000


def packing_of(head: bytes) -> Packing | None:
    """How a file with these first bytes is packed, if it is."""
    return next((packing for packing, magic in MAGIC.items() if head.startswith(magic)), None)


def tar_entries(file: BinaryIO, packing: Packing | None, budget: Budget) -> Iterator[Entry]:
    """The members, each of which must be read before the next is asked for.

    Raises:
        ArchiveError: the archive is damaged, or its headers are not sensible.
        ExhaustedError: the budget is spent.
    """
    stream = _Forward(file, packing, budget)
    try:
        # Mode "r:": the stream unpacks by itself, and tarfile's own unpacking has no bounds.
        with tarfile.open(fileobj=stream, mode="r:") as archive:  # type: ignore[call-overload]
            while True:
                stream.allowed = MAX_HEADER
                info = archive.next()
                if info is None:
                    break
                archive.members.clear()  # it would keep them all
                if len(archive.pax_headers) > MAX_GLOBAL:
                    raise ArchiveError(f"it sets more than {MAX_GLOBAL:,} attributes for all its members")
                budget.count_member()
                if not info.isdir():
                    yield Entry(_name(info), info.size, _refusal(info), _Content(stream, info))
    # RecursionError: tarfile calls itself for each header that stands in front of another.
    except (tarfile.TarError, OSError, EOFError, ValueError, RecursionError) as error:
        raise ArchiveError(f"it is damaged ({error})") from error
    # tarfile takes a header that it cannot read for the end.
    if stream.last.strip(b"\0"):
        raise ArchiveError("it is damaged or cut short")


def _name(info: tarfile.TarInfo) -> str:
    raw = info.name.encode("utf-8", "surrogateescape")
    return raw.decode(name_encoding([raw]), "replace")


def _refusal(info: tarfile.TarInfo) -> str:
    if info.issym() or info.islnk():
        return "it is a link, and links are not followed; pack the file itself (tar --dereference)"
    if not info.isreg():
        return "it is a device, a pipe or the like: only files are read"
    if info.issparse():
        return "it is a sparse file, and documents have no holes; pack it without --sparse"
    return ""


class _Content:
    """Reads a member out of the stream."""

    def __init__(self, stream: _Forward, info: tarfile.TarInfo) -> None:
        self._stream, self._start, self._size = stream, info.offset_data, info.size

    def __call__(self) -> Iterator[bytes]:
        self._stream.seek(self._start)
        self._stream.allowed = left = self._size
        while left > 0:
            piece = self._stream.read(min(left, PIECE))
            if not piece:
                raise ArchiveError("it is cut short")
            left -= len(piece)
            yield piece


class _Forward:
    """What tarfile needs of a file, over a source that only goes forward; every byte is counted."""

    def __init__(self, file: BinaryIO, packing: Packing | None, budget: Budget) -> None:
        self._pieces = _pieces(file, packing)
        self._budget = budget
        self._buffer = memoryview(b"")
        self._position = 0
        self.allowed = MAX_HEADER
        self.last = b""

    def tell(self) -> int:
        """Bytes that were read or passed over."""
        return self._position

    def seek(self, position: int, whence: int = 0) -> int:
        """Pass over bytes up to ``position``."""
        if whence or position < self._position:
            raise OSError("a header points backwards")
        while self._position < position:
            if not self._take(min(position - self._position, PIECE)):
                break
        return self._position

    def read(self, size: int = -1) -> bytes:
        """``size`` bytes, fewer at the end only."""
        if not 0 <= size <= self.allowed:
            raise ArchiveError(f"a header in it is larger than {MAX_HEADER // 1024} KiB")
        self.allowed -= size
        parts = []
        while size > 0 and (part := self._take(size)):
            parts.append(part)
            size -= len(part)
        self.last = b"".join(parts)
        return self.last

    def _take(self, size: int) -> bytes:
        while not self._buffer:
            try:
                piece = next(self._pieces, None)
            except InflateError as error:
                raise ArchiveError(f"it is damaged ({error})") from error
            if piece is None:
                return b""
            self._budget.spend(len(piece))
            self._buffer = memoryview(piece)
        taken = bytes(self._buffer[:size])
        self._buffer = self._buffer[len(taken) :]
        self._position += len(taken)
        return taken


def _pieces(file: BinaryIO, packing: Packing | None) -> Iterator[bytes]:
    inflater = Inflater(packing) if packing else None
    while data := file.read(PIECE):
        if inflater:
            yield from inflater.feed(data)
        else:
            yield data
    if inflater:
        inflater.finish()

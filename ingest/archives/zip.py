"""ZIP archives: the directory at their end, bounded, and each member by itself."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from ingest.archives.budget import RATIO_FROM, Budget
from ingest.archives.entries import ArchiveError, Entry, EntryError
from ingest.archives.names import name_encoding
from ingest.inflate import PIECE

#: zipfile takes in the whole directory, at 46 bytes a member or more, and makes an object of each.
MAX_DIRECTORY = 8 * 1024 * 1024
_ENCRYPTED, _UTF8 = 0x1, 0x800
_UNIX = 3
_UNICODE_PATH = 0x7075  # Info-ZIP's extra field for names beside those in the encoding of the system
# zipfile unpacks the other methods in steps without a bound: 4 KiB of bzip2 can give 4 GiB.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)


def is_zip(head: bytes) -> bool:
    """Whether a file with these first bytes is a ZIP archive (one that unpacks itself begins otherwise)."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"))


def zip_entries(file: BinaryIO, budget: Budget) -> Iterator[Entry]:
    """The members, in the order of the directory.

    Raises:
        ArchiveError: the directory is damaged or too large.
        ExhaustedError: the budget is spent.
    """
    try:
        archive = zipfile.ZipFile(_ShortReads(file))  # it has what zipfile uses
    except ArchiveError:
        raise
    except _DAMAGE as error:
        raise ArchiveError(f"it is no ZIP archive, or damaged ({error})") from error
    with archive:
        infos = archive.infolist()
        encoding = name_encoding(_raw(info) for info in infos if not info.flag_bits & _UTF8)
        for info in infos:
            budget.count_member()
            if not info.is_dir():
                content = _Content(archive, info, budget)
                yield Entry(_name(info, encoding), info.file_size, _refusal(info, budget), content)


class _Content:
    """Reads a member; zipfile gives no more than the directory declares, and checks the sum."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> None:
        self._archive, self._info, self._budget = archive, info, budget

    def __call__(self) -> Iterator[bytes]:
        try:
            with self._archive.open(self._info) as member:
                while piece := member.read(PIECE):
                    self._budget.spend(len(piece))
                    yield piece
        except _DAMAGE as error:
            raise EntryError(f"it is damaged ({error}); pack it again") from error


class _ShortReads(io.BufferedIOBase):
    """A file of which nothing long is read at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = MAX_DIRECTORY + 1
        if size > MAX_DIRECTORY + 1 or len(data := self._file.read(size)) > MAX_DIRECTORY:
            raise ArchiveError(f"its directory is larger than {MAX_DIRECTORY // 1024**2} MiB")
        return data

    def seek(self, position: int, whence: int = 0, /) -> int:
        return self._file.seek(position, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


def _raw(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("cp437", "replace")  # by which zipfile decoded it


def _name(info: zipfile.ZipInfo, encoding: str) -> str:
    if info.flag_bits & _UTF8:
        return info.orig_filename
    raw = _raw(info)
    return _unicode_path(info.extra, raw) or raw.decode(encoding, "replace")


def _unicode_path(extra: bytes, raw: bytes) -> str:
    """The name in Info-ZIP's field (APPNOTE 4.6.9): version 1, the checksum of the other name, and UTF-8."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        body, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == _UNICODE_PATH and len(body) > 5 and body[0] == 1:
            if int.from_bytes(body[1:5], "little") == zlib.crc32(raw):
                return body[5:].decode("utf-8", "replace")
    return ""


def _refusal(info: zipfile.ZipInfo, budget: Budget) -> str:
    if info.flag_bits & _ENCRYPTED:
        return "it is password protected; unpack the archive and ingest the files"
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == _UNIX else 0
    if kind == stat.S_IFLNK:
        return "it is a link, and links are not followed; pack the file itself"
    if kind not in {0, stat.S_IFREG}:
        return "it is a device, a pipe or the like: only files are read"
    if info.compress_type not in _METHODS:
        method = zipfile.compressor_names.get(info.compress_type, f"number {info.compress_type}")  # type: ignore[attr-defined]
        return f"it is packed by the method {method}; pack it again in the ordinary way (deflate)"
    if info.file_size > RATIO_FROM and info.file_size > budget.limits.ratio * info.compress_size:
        return f"it looks like a decompression bomb: it unpacks to more than {budget.limits.ratio} times its size"
    return ""

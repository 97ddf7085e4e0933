"""Unpacking gzip, deflate, bzip2 and xz in small pieces: however well a bomb is packed, memory stays bounded."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Literal, Protocol

Packing = Literal["gzip", "zlib", "raw deflate", "bzip2", "xz"]

PIECE = 64 * 1024
#: What xz may take for its window: ``xz -9`` needs 65 MiB, and a file can ask for 4 GiB.
XZ_MEMORY = 96 * 1024 * 1024
#: Streams that may follow one another in one file; some programs write one for each few hundred KiB.
MAX_STREAMS = 100_000


class InflateError(ValueError):
    """The packed data is damaged, cut short, or asks for too much memory."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Zlib:
    """zlib's object, made to keep its rest of input as those of bz2 and lzma do."""

    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


_MAKERS: Mapping[Packing, Callable[[], _Decompressor]] = MappingProxyType(
    {
        "gzip": lambda: _Zlib(zlib.MAX_WBITS | 16),
        "zlib": lambda: _Zlib(zlib.MAX_WBITS),
        "raw deflate": lambda: _Zlib(-zlib.MAX_WBITS),
        "bzip2": bz2.BZ2Decompressor,
        "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY),
    }
)
MAGIC: Mapping[Packing, bytes] = MappingProxyType({"gzip": b"\x1f\x8b\x08", "bzip2": b"BZh", "xz": b"\xfd7zXZ\x00"})


class Inflater:
    """Takes packed bytes as they come, and gives unpacked pieces of at most some :data:`PIECE` bytes."""

    def __init__(self, packing: Packing) -> None:
        self._packing = packing
        self._inner = _MAKERS[packing]()
        self._streams = 1
        self._rest = b""
        self._is_over = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces that ``data`` adds; take all of them before the next call.

        Raises:
            InflateError: the data is damaged, or asks for too much memory.
        """
        while not self._is_over:
            if self._inner.eof:
                data = self._rest = self._rest + data
                if not self._next_stream():
                    return
                data, self._rest = self._rest, b""
            piece = self._decompress(data)
            data = b""
            if self._inner.eof:
                self._rest = self._inner.unused_data
            if piece:
                yield piece
            elif not self._inner.eof:
                return

    def finish(self) -> None:
        """Say that no more data comes.

        Raises:
            InflateError: the data was cut short.
        """
        if not self._inner.eof:
            raise InflateError(f"the {self._packing} data is cut short")

    def _decompress(self, data: bytes) -> bytes:
        try:
            return self._inner.decompress(data, PIECE)
        except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
            raise InflateError(f"the {self._packing} data is damaged ({error})") from error

    def _next_stream(self) -> bool:
        """Whether another stream follows; what else stands behind the last one (padding, a signature) is passed over."""
        magic = MAGIC.get(self._packing, b"")
        if not magic or not self._rest.startswith(magic[: len(self._rest)]):
            self._is_over = True
            return False
        if len(self._rest) < len(magic):
            return False
        self._streams += 1
        if self._streams > MAX_STREAMS:
            raise InflateError(f"there are more than {MAX_STREAMS:,} streams in it")
        self._inner = _MAKERS[self._packing]()
        return True

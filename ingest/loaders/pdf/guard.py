"""Looks for decompression bombs in a PDF before PDFium unpacks anything.

PDFium itself stops a single stream at 1 GiB; that is too late on a small machine, and a file may hold many.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from ragbot.errors import LoaderError

MAX_STREAM = 128 * 1024 * 1024
MAX_TOTAL = 512 * 1024 * 1024
MAX_RATIO = 200  # text and fonts pack 2 to 20 times; deflate's limit is 1032
_RATIO_FROM = 16 * 1024 * 1024
_STEP = 256 * 1024
_DICTIONARY = 2048  # bytes looked at before a stream, which hold its dictionary
_MAX_FILTERS = 4

_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_FLATE = re.compile(rb"/(?:FlateDecode|Fl)\b")


def check_streams(data: bytes, path: Path) -> None:
    """Unpack every stream but images (text extraction never does those) without keeping it, and add up.

    Raises:
        LoaderError: one unpacks to too much, or to too many times its size, or all together do.
    """
    total = 0
    for match in _STREAM.finditer(data):
        dictionary = data[max(0, match.start() - _DICTIONARY) : match.start()].rpartition(b"obj")[2]
        filters = len(_FLATE.findall(dictionary))
        if not filters or b"/Image" in dictionary:
            continue
        end = data.find(b"endstream", match.end())
        packed = memoryview(data)[match.end() : end if end >= 0 else len(data)]
        size = _unpacked_size(packed, min(filters, _MAX_FILTERS))
        total += size
        if size > MAX_STREAM or total > MAX_TOTAL or (size > _RATIO_FROM and size > MAX_RATIO * len(packed)):
            raise LoaderError(
                f"{path.name} looks like a decompression bomb ({len(packed):,} bytes unpack to {size // 2**20:,} MiB "
                "or more): it is not opened"
            )


def _unpacked_size(packed: memoryview, filters: int) -> int:
    """The size after the filter that gives most, counted up to just over ``MAX_STREAM``."""
    sizes = [0] * filters
    pieces: Iterator[bytes] = (bytes(packed[start : start + _STEP]) for start in range(0, len(packed), _STEP))
    for stage in range(filters):
        pieces = _unpack(pieces, sizes, stage)
    for _ in pieces:
        if max(sizes) > MAX_STREAM:
            break
    return max(sizes)


def _unpack(pieces: Iterator[bytes], sizes: list[int], stage: int) -> Iterator[bytes]:
    """One filter: bounded pieces in, bounded pieces out, their sizes added to ``sizes[stage]``."""
    unpacker = zlib.decompressobj()
    for packed in pieces:
        while packed and not unpacker.eof and max(sizes) <= MAX_STREAM:
            try:
                output = unpacker.decompress(packed, _STEP)
            except zlib.error:
                return  # encrypted, damaged, or another filter first: PDFium's own limit has to do
            packed = unpacker.unconsumed_tail
            sizes[stage] += len(output)
            yield output

"""Opens a ZIP-based document after a look at its directory: a decompression bomb is refused before it is unpacked."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

from ragbot.errors import LoaderError

MAX_UNPACKED = 512 * 1024 * 1024
MAX_XML_PART = 128 * 1024 * 1024  # a tree in memory takes some eight times its XML
MAX_PARTS = 10_000
MAX_RATIO = 200  # XML of documents packs 5 to 30 times; deflate's limit is 1032
_RATIO_FROM = 8 * 1024 * 1024  # smaller parts may well be all zeros or spaces


def check_archive(data: bytes, path: Path) -> None:
    """Check the directory of the ZIP archive ``data``.

    The sizes it declares can be relied on: :mod:`zipfile` never unpacks more of a member than is declared.

    Raises:
        LoaderError: it is no ZIP archive, has encrypted parts, or would unpack to too much.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, struct.error, ValueError, EOFError, OSError, NotImplementedError) as error:
        raise LoaderError(f"{path.name} is damaged ({error}): open it in a word processor and save it again") from error
    if any(part.flag_bits & 1 for part in parts):
        raise LoaderError(f"{path.name} is password protected: save a copy without the password and read that")
    unpacked = sum(part.file_size for part in parts)
    reason = ""
    if len(parts) > MAX_PARTS:
        reason = f"{len(parts):,} parts, at most {MAX_PARTS:,} are read"
    elif unpacked > MAX_UNPACKED:
        reason = f"{unpacked / 2**20:,.0f} MiB unpacked, at most {MAX_UNPACKED / 2**20:,.0f} MiB are read"
    else:
        for part in parts:
            if part.file_size > _RATIO_FROM and part.file_size > MAX_RATIO * part.compress_size:
                reason = f"{part.filename} unpacks to more than {MAX_RATIO} times its size"
            elif part.filename.endswith((".xml", ".rels")) and part.file_size > MAX_XML_PART:
                reason = (
                    f"{part.filename} is {part.file_size / 2**20:,.0f} MiB, {MAX_XML_PART / 2**20:,.0f} are allowed"
                )
    if reason:
        raise LoaderError(f"{path.name} looks like a decompression bomb ({reason}): it is not opened")

"""What is looked at before a file is read and before its text is stored."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError


def size_of(path: Path) -> int:
    """The file's size; 0 where that cannot be known, which the report gives the reason for when its turn comes."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def check_file(path: Path, status: os.stat_result, max_bytes: int) -> None:
    """Raise LoaderError for what must not even be opened to be hashed: a pipe never ends, a huge file hardly does."""
    if not stat.S_ISREG(status.st_mode):
        raise LoaderError(f"{path.name} is not a regular file: only files are read")
    if status.st_size > max_bytes:
        size, limit = status.st_size / (1 << 20), max_bytes / (1 << 20)
        raise LoaderError(f"{path.name} is too large: {size:.1f} MiB, at most {limit:.1f} MiB are read; split it")
    _check_encodable(str(path), "its name")


def check_text(source: str, parsed: ParsedDocument) -> None:
    """Raise LoaderError for a document without text, or with text that cannot be stored."""
    if not parsed.text.strip():
        raise LoaderError("is empty")
    _check_encodable(source, "its name")
    for part in (parsed.text, parsed.title, *(heading.text for heading in parsed.headings)):
        _check_encodable(part, "its text")
    for pair in parsed.metadata.items():
        _check_encodable("".join(pair), "its metadata")


def check_name(source: str) -> None:
    """Raise LoaderError for a name that cannot be stored."""
    _check_encodable(source, "its name")


def _check_encodable(value: str, what: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise LoaderError(
            f"{what} holds bytes that are no text in UTF-8 (lone surrogates): rename or convert it"
        ) from None


def hash_file(path: Path) -> str:
    """BLAKE2b of the file's bytes, in hexadecimal."""
    digest = hashlib.blake2b(digest_size=16)
    for block in _blocks(path):
        digest.update(block)
    return digest.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block

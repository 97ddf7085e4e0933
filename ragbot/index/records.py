"""What goes into the catalog and comes out of it: values, rows, and the checksum of a row."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ragbot.models.embedders.base import Vectors


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells whether a source has changed since it was ingested."""

    content_hash: str
    size: int = 0
    mtime_ns: int = 0


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk to be stored: its span, what is embedded in front of it, the hash of what was embedded, its parent."""

    start: int
    end: int
    page: int | None
    headings: tuple[str, ...]
    prefix: str
    embedded_hash: bytes
    parent: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened after a sequence number: chunks to take out, and chunks to put in (ids, texts,
    vectors, languages of their documents)."""

    seq: int
    removed: list[int]
    added: list[int]
    texts: list[str]
    vectors: Vectors
    languages: list[str]


def checksum(*values: object) -> int:
    """CRC-32 of a row; the separator keeps ("ab", "c") apart from ("a", "bc")."""
    return zlib.crc32("\x1f".join("\x00" if value is None else str(value) for value in values).encode("utf-8"))


def chunk_checksum(row: Sequence[object], parent: Sequence[object]) -> int:
    """CRC-32 of a chunk: its columns from the document to the text, and its parent's ends unless it has none.

    So that rows from before there were parents stay valid.
    """
    return checksum(*row, *(parent if any(end is not None for end in parent) else ()))


def acl_json(acl: Sequence[str]) -> str:
    """An access list as it is stored. Raises TypeError for a string, which would become its letters."""
    if isinstance(acl, str):
        raise TypeError(f"acl takes a list of principals, not the string {acl!r}")
    return json.dumps(sorted(acl))


def metadata_json(metadata: Mapping[str, str]) -> str:
    """Metadata as they are stored."""
    return json.dumps(dict(metadata), ensure_ascii=False, sort_keys=True)


def chunk_rows(
    document_id: int, text: str, chunks: Sequence[NewChunk], vectors: Vectors, seq: int
) -> Iterator[tuple[Any, ...]]:
    """The rows of the table ``chunks``, checksums included, in the order of its columns after the id."""
    for ordinal, (chunk, vector) in enumerate(zip(chunks, vectors, strict=True)):
        headings = json.dumps(chunk.headings, ensure_ascii=False)
        fields = (document_id, ordinal, chunk.start, chunk.end, chunk.page, headings, chunk.prefix)
        fields = (*fields, text[chunk.start : chunk.end])  # type: ignore[assignment]
        blob = np.ascontiguousarray(vector, np.float32).tobytes()
        parent = chunk.parent or (None, None)
        yield (*fields, chunk_checksum(fields, parent), chunk.embedded_hash, blob, zlib.crc32(blob), seq, *parent)

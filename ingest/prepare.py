"""A parsed document to the chunks that are stored: spans, pages, heading paths, and what is embedded in front."""

from __future__ import annotations

import hashlib
from bisect import bisect_right

from ingest.chunkers.base import Chunker
from ragbot.documents import ParsedDocument
from ragbot.index.catalog import NewChunk

#: Raised when the text in front of a chunk is made differently: unchanged files are then cut again.
PREFIX_VERSION = 1


def prepare(document: ParsedDocument, chunker: Chunker) -> list[NewChunk]:
    """The chunks of ``document``, in order."""
    chunks = []
    starts = [heading.start for heading in document.headings]
    for start, end in chunker.split(document):
        path = _heading_path(document, bisect_right(starts, start))
        prefix = " > ".join([document.title, *path[path[:1] == (document.title,) :]]) if document.title else " > ".join(path)
        page = bisect_right(document.pages, start) if document.pages else None
        embedded = embedded_text(prefix, document.text[start:end])
        digest = hashlib.blake2b(embedded.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        chunks.append(NewChunk(start, end, page, path, prefix, digest))
    return chunks


def embedded_text(prefix: str, text: str) -> str:
    """What the embedder sees of a chunk: the title and heading path, then the text."""
    return f"{prefix}\n{text}" if prefix else text


def _heading_path(document: ParsedDocument, count: int) -> tuple[str, ...]:
    """The headings that the position after the first ``count`` headings stands under, outermost first."""
    path: list[tuple[int, str]] = []
    for heading in document.headings[:count]:
        while path and path[-1][0] >= heading.level:
            path.pop()
        path.append((heading.level, heading.text))
    return tuple(text for _, text in path)

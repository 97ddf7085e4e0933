"""A parsed document to the chunks that are stored: spans, pages, heading paths, and what is embedded in front."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from operator import attrgetter

from ingest.chunkers.base import Chunker
from ragbot.documents import ParsedDocument, heading_path, page_at
from ragbot.index.records import NewChunk

#: Raised when the text in front of a chunk is made differently: unchanged files are then cut again.
PREFIX_VERSION = 1
#: What may stand between two headings that follow each other: white space, and the line drawn under the first.
_NO_BODY = " \t\n=-"


def prepare(document: ParsedDocument, chunker: Chunker) -> list[NewChunk]:
    """The chunks of ``document``, in order."""
    chunks = []
    for start, end in chunker.split(document):
        path = heading_path(document.headings, _body_start(document, start, end))
        prefix = (
            " > ".join([document.title, *path[path[:1] == (document.title,) :]]) if document.title else " > ".join(path)
        )
        page = page_at(document.pages, start)
        embedded = embedded_text(prefix, document.text[start:end])
        digest = hashlib.blake2b(embedded.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        chunks.append(NewChunk(start, end, page, path, prefix, digest))
    return chunks


def embedded_text(prefix: str, text: str) -> str:
    """What the embedder sees of a chunk: the title and heading path, then the text."""
    return f"{prefix}\n{text}" if prefix else text


def _body_start(document: ParsedDocument, start: int, end: int) -> int:
    """The start of the last of the headings that a chunk begins with: what follows them stands under all of them."""
    position = body = start
    for heading in document.headings[bisect_left(document.headings, start, key=attrgetter("start")) :]:
        if heading.start >= end or document.text[body : heading.start].strip(_NO_BODY):
            break
        position = heading.start
        line_end = document.text.find("\n", position)
        body = line_end if line_end >= 0 else end
    return position

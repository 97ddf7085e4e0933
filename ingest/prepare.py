"""A parsed document to the chunks that are stored: spans, pages, heading paths, and what is embedded in front."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace

from ingest.chunkers.base import Chunker, split_with_parents
from ragbot.documents import Heading, ParsedDocument, page_at
from ragbot.index.records import NewChunk

#: Raised when the text in front of a chunk is made differently: unchanged files are then cut again.
PREFIX_VERSION = 1
#: What may stand between two headings that follow each other: white space, and the line drawn under the first.
_NO_BODY = " \t\n=-"


def prepare(document: ParsedDocument, chunker: Chunker, titles: bool = True) -> list[NewChunk]:
    """The chunks of ``document``, in order; with ``titles``, title and heading path are embedded in front of each."""
    chunks = []
    starts = [heading.start for heading in document.headings]
    paths: list[tuple[str, ...]] = [(), *_heading_paths(document.headings)]
    for (start, end), parent in split_with_parents(chunker, document):
        under = bisect_right(starts, _body_start(document, starts, start, end))
        # Further headings inside: what stands below them is not under the first one, but under what all have in common.
        path = _common(paths[under], paths[under + 1 : bisect_left(starts, end) + 1])
        prefix = (
            " > ".join([document.title, *path[path[:1] == (document.title,) :]]) if document.title else " > ".join(path)
        )
        prefix = prefix if titles else ""
        page = page_at(document.pages, start)
        digest = _hash(embedded_text(prefix, document.text[start:end]))
        chunks.append(NewChunk(start, end, page, path, prefix, digest, parent))
    return chunks


def with_line(chunk: NewChunk, line: str, document: ParsedDocument) -> NewChunk:
    """The chunk with one more line in front of it; itself if the line is empty."""
    if not line:
        return chunk
    prefix = f"{chunk.prefix}\n{line}" if chunk.prefix else line
    return replace(
        chunk, prefix=prefix, embedded_hash=_hash(embedded_text(prefix, document.text[chunk.start : chunk.end]))
    )


def embedded_text(prefix: str, text: str) -> str:
    """What the embedder sees of a chunk: the title and heading path, then the text."""
    return f"{prefix}\n{text}" if prefix else text


def _hash(embedded: str) -> bytes:
    return hashlib.blake2b(embedded.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _heading_paths(headings: Sequence[Heading]) -> list[tuple[str, ...]]:
    """What :func:`ragbot.documents.heading_path` says of each heading, for all of them in one pass."""
    paths: list[tuple[str, ...]] = []
    above: list[Heading] = []
    for heading in headings:
        while above and above[-1].level >= heading.level:
            above.pop()
        above.append(heading)
        paths.append(tuple(outer.text for outer in above))
    return paths


def _common(path: tuple[str, ...], others: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """As much of ``path``, from the outermost heading, as all the others begin with."""
    for other in others:
        length = 0
        while length < min(len(path), len(other)) and path[length] == other[length]:
            length += 1
        path = path[:length]
    return path


def _body_start(document: ParsedDocument, starts: Sequence[int], start: int, end: int) -> int:
    """The start of the last of the headings that a chunk begins with: what follows them stands under all of them."""
    position = body = start
    for number in range(bisect_left(starts, start), len(starts)):
        heading = document.headings[number]
        if heading.start >= end or document.text[body : heading.start].strip(_NO_BODY):
            break
        position = heading.start
        line_end = document.text.find("\n", position)
        body = line_end if line_end >= 0 else end
    return position

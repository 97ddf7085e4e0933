"""What the other modules here look at: the documents and chunks of a knowledge base that the asker may see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ragbot.documents import Chunk, Document
from ragbot.index.catalog import Catalog
from ragbot.index.filters import Filter
from ragbot.models.embedders.base import Vectors

#: Characters that say something, where one of Chinese counts as three others.
_ENOUGH = 60
_HAN = re.compile(r"[\u3400-\u9fff]")
Ids = npt.NDArray[np.int64]
#: Chunks that are read from the catalog at once.
_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Count:
    """How far a long piece of work has come: ``done`` of ``total`` things, ``errors`` of which failed."""

    done: int
    total: int
    errors: int = 0


#: Called as the work goes on; what it raises stops the work, which leaves nothing behind.
ProgressCallback = Callable[[Count], None]


@dataclass(frozen=True)
class Slice:
    """Chunks with the vectors they are stored with: row ``i`` of ``vectors`` belongs to ``chunks[i]``."""

    chunks: Sequence[Chunk]
    vectors: Vectors

    def __len__(self) -> int:
        return len(self.chunks)


def seen_by(where: Filter | None) -> Filter:
    """The part of ``where`` that says who asks: the document that a question is about need pass nothing else."""
    return Filter(principals=where.principals if where else None)


def chunk_ids(catalog: Catalog, where: Filter | None) -> Ids:
    """Ids of the chunks that pass, ascending."""
    ids: Ids = catalog.chunk_ids(where or Filter())
    return ids


def documents(catalog: Catalog, where: Filter | None) -> list[Document]:
    """The documents that pass, by source."""
    if where is None or where.empty:
        return catalog.documents()
    ids = chunk_ids(catalog, where)
    seen = {}
    for begin in range(0, len(ids), _BATCH):
        for chunk in catalog.chunks(ids[begin : begin + _BATCH].tolist()).values():
            seen[chunk.document.id] = chunk.document
    return sorted(seen.values(), key=lambda document: document.source)


def chunks_of(catalog: Catalog, document: Document, where: Filter | None = None) -> list[Chunk]:
    """The chunks of a document in their order; none where the asker may not see it."""
    # The condition takes a source for a folder, too, and a question mark for a pattern: it may find more than one.
    ids = chunk_ids(catalog, replace(seen_by(where), sources=(document.source,)))
    found = [chunk for chunk in catalog.chunks(ids.tolist()).values() if chunk.document.id == document.id]
    return sorted(found, key=lambda chunk: chunk.ordinal)


def with_vectors(catalog: Catalog, chunks: Sequence[Chunk]) -> Slice:
    """These chunks with their vectors, in their order; one that was removed meanwhile is left out."""
    ids, vectors = catalog.vectors_of([chunk.id for chunk in chunks])
    row = {int(number): at for at, number in enumerate(ids)}
    kept = [chunk for chunk in chunks if chunk.id in row]
    return Slice(kept, vectors[[row[chunk.id] for chunk in kept]])


def slices(catalog: Catalog, ids: Ids) -> Iterator[Slice]:
    """The chunks of these ids with their vectors, in batches."""
    for begin in range(0, len(ids), _BATCH):
        found = catalog.chunks(ids[begin : begin + _BATCH].tolist())
        yield with_vectors(catalog, [found[number] for number in sorted(found)])


def says_enough(text: str) -> bool:
    """Whether a chunk says something: a heading alone, or the rest of a table, is near every other of its kind."""
    return len(text) + 2 * len(_HAN.findall(text)) >= _ENOUGH


def evenly(count: int, most: int) -> npt.NDArray[np.int64]:
    """Positions of at most ``most`` of ``count`` things, spread evenly; all of them where they are no more."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))

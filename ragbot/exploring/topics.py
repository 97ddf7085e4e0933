"""What a collection is about: clusters of its chunks by their stored embeddings, with words, passages and documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragbot.documents import Chunk, Document
from ragbot.exploring.clusters import Labels, cluster, comparable
from ragbot.exploring.collection import Count, Ids, ProgressCallback, chunk_ids, evenly, says_enough, slices
from ragbot.exploring.keywords import TopicWords
from ragbot.index.catalog import Catalog
from ragbot.index.filters import Filter
from ragbot.models.embedders.base import Vectors

#: Chunks that are clustered; of a larger collection an even sample of so many.
MOST_CHUNKS = 100_000
KEYWORDS = 8
PASSAGES = 3


@dataclass(frozen=True, slots=True)
class TopicDocument:
    """A document in a topic: how many of its chunks are, and what share of them, in [0, 1]."""

    document: Document
    chunks: int
    share: float


@dataclass(frozen=True, slots=True)
class Topic:
    """A cluster of chunks.

    ``title`` is a heading or title from its documents, or its first words; ``language`` that of most of its chunks, and
    of the title. ``share`` is its part of the collection, in [0, 1]. ``passages`` stand nearest to its middle, no two
    from one document if that can be.
    """

    number: int
    title: str
    keywords: tuple[str, ...]
    language: str
    languages: Mapping[str, int]
    chunks: int
    share: float
    documents: tuple[TopicDocument, ...]
    passages: tuple[Chunk, ...]


@dataclass(frozen=True)
class Topics:
    """The topics of a collection, the largest first, numbered from 1.

    ``chunks`` counts those that were clustered, out of ``total``. ``silhouette`` in [-1, 1] says how clearly the topics
    stand apart. ``ids``, ``labels`` (the number of each one's topic) and ``vectors`` have a row a chunk, for the map.
    """

    topics: tuple[Topic, ...]
    chunks: int
    total: int
    silhouette: float
    ids: Ids
    labels: Labels
    vectors: Vectors


def find_topics(
    catalog: Catalog, count: int | None = None, where: Filter | None = None, progress: ProgressCallback | None = None
) -> Topics:
    """The topics of the documents that pass ``where``; none of an empty collection.

    Args:
        count: how many; None chooses. There are never more than chunks.
        progress: told of chunks, each of which is read twice.

    Raises:
        ValueError: ``count`` is below 1.
    """
    if count is not None and count < 1:
        raise ValueError(f"count is at least 1, not {count}")
    allowed = chunk_ids(catalog, where)
    nothing = np.empty(0, np.int64)
    none = Topics((), 0, 0, 0.0, nothing, nothing, np.empty((0, 0), np.float32))
    if not len(allowed):
        return none
    wanted = allowed[evenly(len(allowed), MOST_CHUNKS)]
    owners: list[Document] = []
    telling, vectors, ids = [], [], []
    for part in slices(catalog, wanted):
        owners += [chunk.document for chunk in part.chunks]
        telling += [says_enough(chunk.text) for chunk in part.chunks]
        ids += [chunk.id for chunk in part.chunks]
        vectors.append(part.vectors)
        _tell(progress, len(ids), 2 * len(wanted))
    if not ids:  # all were removed by another process since
        return none
    languages = [document.language for document in owners]
    even = comparable(np.concatenate(vectors), languages)
    labels, clear = cluster(even, count, np.array(telling))
    chosen = np.array(ids, np.int64)
    words = TopicWords(languages, labels)
    done = 0
    for part in slices(catalog, chosen):
        rows = np.searchsorted(chosen, [chunk.id for chunk in part.chunks])
        for row, chunk in zip(rows.tolist(), part.chunks, strict=True):
            words.add(row, chunk)
        done += len(part)
        _tell(progress, len(ids) + done, 2 * len(wanted))
    topics = []
    titles = words.titles()
    owned = Counter(document.id for document in owners)
    for number in range(int(labels.max()) + 1):
        rows = np.flatnonzero(labels == number)
        tally = Counter(languages[row] for row in rows.tolist()).most_common()
        within = _documents([owners[row] for row in rows.tolist()], owned)
        topics.append(
            Topic(
                number=number + 1,
                title=titles[number] or within[0].document.title or within[0].document.source,
                keywords=tuple(words.keywords(number, KEYWORDS)),
                language=tally[0][0],
                languages=dict(tally),
                chunks=len(rows),
                share=len(rows) / len(ids),
                documents=within,
                passages=_passages(catalog, chosen, rows, even, owners, telling),
            )
        )
    return Topics(tuple(topics), len(ids), len(allowed), clear, chosen, labels + 1, even)


def _tell(progress: ProgressCallback | None, done: int, total: int) -> None:
    if progress:
        progress(Count(min(done, total), total))


def _documents(owners: Sequence[Document], owned: Counter[int]) -> tuple[TopicDocument, ...]:
    known = {document.id: document for document in owners}
    tally = Counter(document.id for document in owners)
    order = sorted(tally, key=lambda number: (-tally[number], known[number].source))
    return tuple(TopicDocument(known[number], tally[number], tally[number] / owned[number]) for number in order)


def _passages(
    catalog: Catalog, ids: Ids, rows: Ids, vectors: Vectors, owners: Sequence[Document], telling: Sequence[bool]
) -> tuple[Chunk, ...]:
    """Those nearest to the middle; another document's before a second of the same, one that says enough first."""
    middle = vectors[rows].mean(axis=0)
    nearest = rows[np.argsort(-(vectors[rows] @ middle), kind="stable")].tolist()
    seen: set[int] = set()
    first: list[int] = []
    second: list[int] = []
    for row in sorted(nearest, key=lambda row: not telling[row]):
        (second if owners[row].id in seen else first).append(row)
        seen.add(owners[row].id)
    chosen = [int(ids[row]) for row in (first + second)[:PASSAGES]]
    chunks = catalog.chunks(chosen)
    return tuple(chunks[number] for number in chosen if number in chunks)

"""Documents alike: by what their chunks say, not by one average of them.

Two documents are alike as far as each chunk of the one finds its like in the other, in both directions: the mean of the
best matches (the Chamfer similarity of two sets of points, Barrow et al. 1977, of their embeddings). A similarity counts
in standard deviations above what the chunk has with the collection, or with that part of it in the same language: the
embedder puts everything in one language nearer together, and a Chinese document may be the nearest of an English one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ragbot.documents import Chunk, Document
from ragbot.exploring.collection import Ids, chunk_ids, chunks_of, evenly, says_enough, with_vectors
from ragbot.index.catalog import Catalog
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.embedders.base import Vectors
from ragbot.retrieval.fuse import Scale

#: Chunks of the document that are compared, spread evenly over it; each costs a search.
MOST_CHUNKS = 64
#: Nearest chunks that each of them finds, and documents among these that are then compared in full.
NEAREST = 50
CANDIDATES = 50
#: Chunks of each of those that are compared.
MOST_OTHER_CHUNKS = 256
#: Pairs of passages that show why a document was found.
SHOWN = 3

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Match:
    """Two passages that say much the same; ``similarity`` is their cosine."""

    passage: Chunk
    other: Chunk
    similarity: float


@dataclass(frozen=True, slots=True)
class SimilarDocument:
    """A document and how alike it is: ``score`` in standard deviations above the usual, the higher the more.

    ``matches`` are the pairs of passages that are most alike, best first.
    """

    document: Document
    score: float
    matches: tuple[Match, ...]


def similar(
    kb: KnowledgeBase, document: Document, top_k: int = 10, where: Filter | None = None
) -> list[SimilarDocument]:
    """The ``top_k`` documents that are most like ``document``, itself left out, best first.

    Args:
        where: which documents may be found. Of it, only who asks is put to ``document`` itself.

    Raises:
        ValueError: ``top_k`` is below 1.
    """
    if top_k < 1:
        raise ValueError(f"top_k is at least 1, not {top_k}")
    with kb.lock:  # the vectors and the catalog in one state
        kb.refresh()
        whole = chunks_of(kb.catalog, document, where)
        if not whole:
            return []
        mine = with_vectors(kb.catalog, _some(whole, MOST_CHUNKS))
        own = np.array(sorted(chunk.id for chunk in whole), np.int64)
        allowed = None if where is None or where.empty else chunk_ids(kb.catalog, where)
        found = _candidates(kb, mine.vectors, own, allowed, max(CANDIDATES, top_k))
        compared = [_compare(kb, mine.chunks, mine.vectors, other) for other in found]
    compared.sort(key=lambda item: (-item.score, item.document.source))
    return compared[:top_k]


def _some(chunks: Sequence[Chunk], most: int) -> list[Chunk]:
    """An even choice of those that say something, or of all where none does."""
    telling = [chunk for chunk in chunks if says_enough(chunk.text)] or chunks
    return [telling[at] for at in evenly(len(telling), most)]


def _candidates(kb: KnowledgeBase, queries: Vectors, own: Ids, allowed: Ids | None, most: int) -> list[Document]:
    """The documents whose chunks come nearest to those of the queries, which are of the chunks ``own``."""
    # Its own chunks are nearest of all: so many more are asked for. To exclude them costs more in a large collection.
    depth = NEAREST + len(own)
    nearest = [np.setdiff1d(kb.vectors.nearest(query, depth, allowed), own) for query in queries]
    if not nearest:
        return []
    owner = _owners(kb.catalog, np.unique(np.concatenate(nearest)))
    total: dict[int, float] = defaultdict(float)
    for query, ids in zip(queries, nearest, strict=True):
        best: dict[int, float] = {}
        for number, score in zip(ids.tolist(), _standardized(kb, query, ids), strict=True):
            if number in owner:  # it may have been removed by another process since
                document = owner[number].id
                best[document] = max(best.get(document, 0.0), float(score))
        for document, score in best.items():
            total[document] += score
    known = {document.id: document for document in owner.values()}
    return [known[number] for number in sorted(total, key=lambda number: (-total[number], known[number].source))[:most]]


def _owners(catalog: Catalog, ids: Ids) -> dict[int, Document]:
    return {number: chunk.document for number, chunk in catalog.chunks(ids.tolist()).items()}


def _standardized(kb: KnowledgeBase, query: Vectors, ids: Ids) -> Floats:
    return Scale(*kb.vectors.scales(query, ids)).standardize(kb.vectors.of(query, ids))


def _compare(kb: KnowledgeBase, mine: Sequence[Chunk], queries: Vectors, document: Document) -> SimilarDocument:
    theirs = _some(chunks_of(kb.catalog, document), MOST_OTHER_CHUNKS)
    ids = np.array([chunk.id for chunk in theirs], np.int64)
    order = np.argsort(ids)
    alike = np.empty((len(mine), len(theirs)), np.float32)
    cosine = np.empty_like(alike)
    for row, query in enumerate(queries):
        cosine[row, order] = kb.vectors.of(query, ids[order])
        means, deviations = kb.vectors.scales(query, ids[order])
        alike[row, order] = Scale(means, deviations).standardize(cosine[row, order])
    score = (float(alike.max(axis=1).mean()) + float(alike.max(axis=0).mean())) / 2
    return SimilarDocument(document, score, tuple(_matches(mine, theirs, alike, cosine)))


def _matches(mine: Sequence[Chunk], theirs: Sequence[Chunk], alike: Floats, cosine: Floats) -> list[Match]:
    """The best pairs, none of whose passages is shown twice."""
    left, pairs = alike.copy(), []
    for _ in range(min(SHOWN, *alike.shape)):
        row, column = divmod(int(left.argmax()), left.shape[1])
        pairs.append(Match(mine[row], theirs[column], float(cosine[row, column])))
        left[row, :] = left[:, column] = -np.inf
    return pairs

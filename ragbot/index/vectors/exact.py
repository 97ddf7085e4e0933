"""Exact search over the embeddings that the catalog holds: for what a store lacks, and to score what it finds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ragbot.index.catalog import Catalog
from ragbot.index.segment import Ints
from ragbot.index.vectors.base import Floats
from ragbot.models.embedders.base import Vectors

#: Bytes of embeddings that are kept in memory; the oldest make room.
_CACHE = 64 * 1024 * 1024
#: Embeddings that are read at once.
BATCH = 5_000
#: The score of a chunk that is gone: below that of any other, inner products of unit vectors being at least -1.
GONE = -2.0


class ExactSearch:
    """Reads embeddings from the catalog, checksums compared, and keeps some of them.

    A chunk keeps its embedding as long as its id; one that comes again under its id replaces what is kept.

    Args:
        catalog: where they are.
        dimension: of the vectors.
    """

    def __init__(self, catalog: Catalog, dimension: int) -> None:
        self._catalog = catalog
        self._dimension = dimension
        self._capacity = max(_CACHE // (4 * dimension), 1)
        self._kept: Vectors = np.empty((0, dimension), np.float32)
        self._owner: Ints = np.empty(0, np.int64)
        self._place: dict[int, int] = {}
        self._next = 0

    def keep(self, ids: Sequence[int], vectors: Vectors) -> None:
        """Keep these in memory, as far as there is room."""
        for begin in range(0, min(len(ids), self._capacity), BATCH):
            for identity, vector in zip(ids[begin : begin + BATCH], vectors[begin : begin + BATCH], strict=True):
                self._put(int(identity), vector)

    def rows(self, ids: Ints) -> tuple[npt.NDArray[np.bool_], Vectors]:
        """For each id whether it exists, and its vector (zeros if not). Raises CorruptError on a damaged one."""
        out = np.zeros((len(ids), self._dimension), np.float32)
        places = np.fromiter((self._place.get(identity, -1) for identity in ids.tolist()), np.int64, len(ids))
        found = places >= 0
        out[found] = self._kept[places[found]]
        missing = np.flatnonzero(~found)
        if len(missing):
            there, vectors = self._catalog.vectors_of(ids[missing].tolist())
            if len(there):
                at = np.minimum(np.searchsorted(there, ids[missing]), len(there) - 1)
                hit = there[at] == ids[missing]
                out[missing[hit]] = vectors[at[hit]]
                found[missing[hit]] = True
            if len(ids) <= self._capacity:  # a longer walk would only push out what others need
                self.keep(there.tolist(), vectors)
        return found, out

    def scores(self, query: Floats, ids: Ints) -> Floats:
        """Inner products with ``query``; :data:`GONE` for a chunk that does not exist any more."""
        found, scores = self._scored(query, ids)
        scores[~found] = GONE
        return scores

    def top(self, query: Floats, k: int, ids: Ints) -> Ints:
        """The ``k`` of ``ids`` with the highest inner product, best first; equal scores by id."""
        found, scores = self._scored(query, ids)
        ids, scores = ids[found], scores[found]
        if 0 < k < len(ids):
            best = scores >= np.partition(scores, -k)[-k]
            ids, scores = ids[best], scores[best]
        chosen: Ints = ids[np.lexsort((ids, -scores))][:k]
        return chosen

    def _scored(self, query: Floats, ids: Ints) -> tuple[npt.NDArray[np.bool_], Floats]:
        found, scores = np.zeros(len(ids), bool), np.zeros(len(ids), np.float32)
        for begin in range(0, len(ids), BATCH):
            part = slice(begin, begin + BATCH)
            found[part], rows = self.rows(ids[part])
            scores[part] = rows @ query
        return found, scores

    def _put(self, identity: int, vector: Vectors) -> None:
        if identity in self._place:
            self._kept[self._place[identity]] = vector
            return
        if self._next == len(self._kept) < self._capacity:
            room = min(max(2 * len(self._kept), 256), self._capacity)
            self._kept = np.concatenate([self._kept, np.empty((room - len(self._kept), self._dimension), np.float32)])
            self._owner = np.concatenate([self._owner, np.full(room - len(self._owner), -1, np.int64)])
        slot = self._next % len(self._kept)
        self._place.pop(int(self._owner[slot]), None)
        self._kept[slot], self._owner[slot], self._place[identity] = vector, identity, slot
        self._next = slot + 1 if slot + 1 < self._capacity else 0

"""Vectors in FAISS: exact inner product (flat), one checksummed file."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ragbot.errors import CorruptError
from ragbot.index.container import read_container, write_container
from ragbot.index.segment import Ints
from ragbot.index.vectors.base import Floats, Moments
from ragbot.models.embedders.base import Vectors

log = logging.getLogger(__name__)

KIND = "faiss"
FILE_NAME = "vectors.ragbot"
#: Vectors from which on a search runs on all cores.
_PARALLEL_FROM = 50_000


class FaissIndex:
    """``IndexIDMap2`` over ``IndexFlatIP``: ids are chunk ids."""

    def __init__(self, dimension: int) -> None:
        import faiss

        self.seq = 0
        self.dimension = dimension
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
        self._moments = Moments(dimension)
        self._ids: set[int] = set()

    def __len__(self) -> int:
        return len(self._ids)

    def apply(self, seq: int, removed: Sequence[int], added: Sequence[int], vectors: Vectors) -> None:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        gone = np.array(sorted({*removed, *added} & self._ids), np.int64)
        if len(gone):
            self._moments.add(self._vectors(gone), -1)
            self._index.remove_ids(gone)
            self._ids.difference_update(gone.tolist())
        if added:
            self._index.add_with_ids(np.ascontiguousarray(vectors), np.array(added, np.int64))
            self._moments.add(vectors)
            self._ids.update(added)
        self.seq = seq

    def top(self, query: Floats, k: int, allowed: Ints | None = None) -> Ints:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        import faiss

        if not self._ids or (allowed is not None and not len(allowed)):
            return np.empty(0, np.int64)
        # One thread is faster than waking several for a small index, and does not stall behind other programs.
        faiss.omp_set_num_threads(1 if len(self._ids) < _PARALLEL_FROM else os.cpu_count() or 1)
        parameters = None
        if allowed is not None:
            # A bitmap costs one bit an id; a batch selector's Bloom filter is slow when most ids pass.
            bits = np.zeros(int(allowed.max()) + 1, bool)
            bits[allowed] = True
            selector = faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))  # type: ignore[call-arg,arg-type]
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        scores, found = self._index.search(query[None], min(k, len(self._ids)), params=parameters)
        ids: Ints = found[0][np.lexsort((found[0], -scores[0]))]  # equal scores by id
        return ids[ids >= 0]

    def of(self, query: Floats, wanted: Ints) -> Floats:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        scores: Floats = self._vectors(wanted) @ query
        return scores

    def moments(self, query: Floats) -> tuple[float, float]:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        return self._moments.of(query)

    def save(self, folder: Path, identity: str = "") -> None:
        """Store index and statistics in one file. Raises StorageError."""
        import faiss

        count = self._moments.count
        metadata = {"seq": self.seq, "catalog": identity, "dimension": self.dimension, "count": count}
        arrays: dict[str, np.ndarray[Any, Any]] = {
            "index": faiss.serialize_index(self._index),
            "ids": np.array(sorted(self._ids), np.int64),
            "sum": self._moments.sum,
            "outer": self._moments.outer,
        }
        write_container(folder / FILE_NAME, KIND, metadata, arrays)

    @classmethod
    def load(cls, folder: Path, dimension: int, newest: int, identity: str = "") -> FaissIndex:
        """The stored index, or an empty one (to be filled from the catalog) where it is missing, damaged or outdated,
        or another catalog's."""
        import faiss

        index = cls(dimension)
        try:
            metadata, arrays = read_container(folder / FILE_NAME, KIND)
        except FileNotFoundError:
            return index
        except CorruptError as error:
            log.warning("%s; the vector index is built again from the catalog", error)
            return index
        if (metadata["dimension"], metadata.get("catalog")) != (dimension, identity) or metadata["seq"] > newest:
            return index
        index.seq = metadata["seq"]
        index._index = faiss.deserialize_index(np.array(arrays["index"]))
        index._ids = set(arrays["ids"].tolist())
        index._moments.count = metadata["count"]
        index._moments.sum, index._moments.outer = arrays["sum"].copy(), arrays["outer"].copy()
        return index

    def _vectors(self, ids: Ints) -> Vectors:
        if not len(ids):
            return np.empty((0, self.dimension), np.float32)
        vectors: Vectors = self._index.reconstruct_batch(ids)
        return vectors

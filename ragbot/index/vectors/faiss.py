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

KIND = "faiss-by-group"
FILE_NAME = "vectors.ragbot"
#: Vectors from which on a search runs on all cores.
_PARALLEL_FROM = 50_000
#: A group of fewer vectors has no statistics of its own.
_SMALLEST_GROUP = 20


class FaissIndex:
    """``IndexIDMap2`` over ``IndexFlatIP``: ids are chunk ids."""

    def __init__(self, dimension: int) -> None:
        import faiss

        self.seq = 0
        self.dimension = dimension
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
        self._moments: dict[str, Moments] = {}
        self._groups: dict[int, str] = {}
        self._members: dict[str, Ints] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def apply(
        self, seq: int, removed: Sequence[int], added: Sequence[int], vectors: Vectors, groups: Sequence[str] = ()
    ) -> None:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        gone = np.array(sorted({*removed, *added} & self._groups.keys()), np.int64)
        if len(gone):
            self._count(self._vectors(gone), [self._groups.pop(identity) for identity in gone.tolist()], -1)
            self._index.remove_ids(gone)
        if added:
            self._index.add_with_ids(np.ascontiguousarray(vectors), np.array(added, np.int64))
            names = list(groups) or [""] * len(added)
            self._count(vectors, names, 1)
            self._groups.update(zip(added, names, strict=True))
        self._members = {}
        self.seq = seq

    def _count(self, vectors: Vectors, names: Sequence[str], sign: int) -> None:
        of = np.array(names)
        for name in dict.fromkeys(names):
            self._moments.setdefault(name, Moments(self.dimension)).add(vectors[of == name], sign)

    def nearest(self, query: Floats, k: int, allowed: Ints | None = None) -> Ints:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        groups = self._large_groups()
        if len(groups) < 2:
            return self.top(query, k, allowed)
        found = [self.top(query, k, allowed)]
        for ids in groups.values():
            found.append(self.top(query, k, ids if allowed is None else np.intersect1d(ids, allowed)))
        return np.unique(np.concatenate(found))

    def scales(self, query: Floats, wanted: Ints) -> tuple[Floats, Floats]:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        groups = self._large_groups()
        of = {name: self._moments[name].of(query) for name in groups}
        whole = self.moments(query)
        pairs = [of.get(self._groups.get(identity, ""), whole) for identity in wanted.tolist()]
        table = np.array(pairs, np.float32).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    def _large_groups(self) -> dict[str, Ints]:
        if not self._members:
            found: dict[str, list[int]] = {}
            for identity, name in self._groups.items():
                found.setdefault(name, []).append(identity)
            self._members = {name: np.array(sorted(ids), np.int64) for name, ids in found.items()}
        return {name: ids for name, ids in self._members.items() if len(ids) >= _SMALLEST_GROUP}

    def top(self, query: Floats, k: int, allowed: Ints | None = None) -> Ints:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        import faiss

        if not self._groups or (allowed is not None and not len(allowed)):
            return np.empty(0, np.int64)
        # One thread is faster than waking several for a small index, and does not stall behind other programs.
        faiss.omp_set_num_threads(1 if len(self._groups) < _PARALLEL_FROM else os.cpu_count() or 1)
        parameters = None
        if allowed is not None:
            # A bitmap costs one bit an id; a batch selector's Bloom filter is slow when most ids pass.
            bits = np.zeros(int(allowed.max()) + 1, bool)
            bits[allowed] = True
            selector = faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))  # type: ignore[call-arg,arg-type]
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        scores, found = self._index.search(query[None], min(k, len(self._groups)), params=parameters)
        ids: Ints = found[0][np.lexsort((found[0], -scores[0]))]  # equal scores by id
        return ids[ids >= 0]

    def of(self, query: Floats, wanted: Ints) -> Floats:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        scores: Floats = self._vectors(wanted) @ query
        return scores

    def moments(self, query: Floats) -> tuple[float, float]:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        return Moments.joined(self._moments.values(), self.dimension).of(query)

    def save(self, folder: Path, identity: str = "") -> None:
        """Store index and statistics in one file. Raises StorageError."""
        import faiss

        names = sorted(self._moments)
        number = {name: index for index, name in enumerate(names)}
        ids = sorted(self._groups)
        metadata = {
            "seq": self.seq,
            "catalog": identity,
            "dimension": self.dimension,
            "groups": names,
            "counts": [self._moments[name].count for name in names],
        }
        arrays: dict[str, np.ndarray[Any, Any]] = {
            "index": faiss.serialize_index(self._index),
            "ids": np.array(ids, np.int64),
            "group_of": np.array([number[self._groups[identity]] for identity in ids], np.int32),
            "sums": np.array([self._moments[name].sum for name in names]),
            "outers": np.array([self._moments[name].outer for name in names]),
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
        names = metadata["groups"]
        index._groups = {
            identity: names[group]
            for identity, group in zip(arrays["ids"].tolist(), arrays["group_of"].tolist(), strict=True)
        }
        for number, name in enumerate(names):
            moments = index._moments[name] = Moments(dimension)
            moments.count = metadata["counts"][number]
            moments.sum, moments.outer = arrays["sums"][number].copy(), arrays["outers"][number].copy()
        return index

    def _vectors(self, ids: Ints) -> Vectors:
        if not len(ids):
            return np.empty((0, self.dimension), np.float32)
        vectors: Vectors = self._index.reconstruct_batch(ids)
        return vectors

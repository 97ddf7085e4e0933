"""The structures that are searched, in memory: exact vectors, or codes. Each holds what is alive, by group and id.

Every group has a structure of its own, so that the nearest of each group and those of all are found by comparing each
vector once.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ragbot.index.segment import Ints
from ragbot.index.vectors.base import Floats
from ragbot.index.vectors.faiss_quantizer import BITS, Codes, Quantizer
from ragbot.models.embedders.base import Vectors

#: Candidates by their codes for each that was asked for, and at least, to be put in order by the exact vectors.
_MORE, _LEAST = 5, 400

#: One bit an id, least first: which may be found.
Bits = npt.NDArray[np.uint8]
#: The number of the group of each id.
Numbers = npt.NDArray[np.int32]


class Searcher(Protocol):
    """Finds candidates by inner product; the caller puts them in order by their exact vectors."""

    @property
    def quantizer(self) -> Quantizer | None:
        """What makes the codes; None where vectors are compared exactly."""

    @property
    def description(self) -> str:
        """A word for people."""

    def add(self, ids: Ints, vectors: Vectors, groups: Numbers) -> None:
        """Take vectors in."""

    def remove(self, ids: Ints, groups: Numbers) -> None:
        """Take vectors out."""

    def candidates(self, query: Floats, k: int, allowed: Bits | None) -> Ints:
        """Ids of ``k`` or more of the nearest of each group, in any order."""


class ExactSearcher:
    """``IndexFlatIP``: every vector is compared."""

    quantizer: Quantizer | None = None
    description = "flat"

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._indexes: dict[int, Any] = {}

    def add(self, ids: Ints, vectors: Vectors, groups: Numbers) -> None:
        """See :class:`Searcher`."""
        import faiss

        for number, rows in _split(groups):
            if number not in self._indexes:
                self._indexes[number] = faiss.IndexIDMap2(faiss.IndexFlatIP(self._dimension))
            own = np.ascontiguousarray(vectors[rows], np.float32)
            self._indexes[number].add_with_ids(own, np.ascontiguousarray(ids[rows]))

    def remove(self, ids: Ints, groups: Numbers) -> None:
        """See :class:`Searcher`."""
        for number, rows in _split(groups):
            self._indexes[number].remove_ids(np.ascontiguousarray(ids[rows]))

    def candidates(self, query: Floats, k: int, allowed: Bits | None) -> Ints:
        """See :class:`Searcher`."""
        import faiss

        parameters, question = None, np.ascontiguousarray(query[None], np.float32)
        if allowed is not None:
            selector = faiss.IDSelectorBitmap(allowed)  # type: ignore[call-arg,arg-type]
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        faiss.omp_set_num_threads(1)  # waking others takes longer than it saves, and much longer where they are busy
        found = [
            index.search(question, min(k, index.ntotal), params=parameters)[1][0]
            for index in self._indexes.values()
            if index.ntotal
        ]
        return _joined(found)


class CodeSearcher:
    """``IndexIVFPQFastScan`` with one list a group: all codes are compared, 32 at once."""

    def __init__(self, quantizer: Quantizer) -> None:
        import faiss

        self.quantizer: Quantizer = quantizer
        self._coarse = faiss.IndexFlatIP(quantizer.dimension)
        self._coarse.add(np.zeros((1, quantizer.dimension), np.float32))
        self._indexes: dict[int, Any] = {}

    @property
    def description(self) -> str:
        """See :class:`Searcher`."""
        return self.quantizer.description

    def add(self, ids: Ints, vectors: Vectors, groups: Numbers) -> None:
        """See :class:`Searcher`."""
        for number, rows in _split(groups):
            own, names = np.ascontiguousarray(vectors[rows], np.float32), np.ascontiguousarray(ids[rows])
            if number in self._indexes:
                self._indexes[number].add_with_ids(own, names)
            else:
                self._indexes[number] = self._packed(names, self.quantizer.encode(own))

    def fill(self, ids: Ints, codes: Codes, groups: Numbers) -> None:
        """Take in all vectors at once, encoded before, where there are none."""
        for number, rows in _split(groups):
            self._indexes[number] = self._packed(np.ascontiguousarray(ids[rows]), codes[rows])

    def remove(self, ids: Ints, groups: Numbers) -> None:
        """See :class:`Searcher`."""
        for number, rows in _split(groups):
            self._indexes[number].remove_ids(np.ascontiguousarray(ids[rows]))

    def candidates(self, query: Floats, k: int, allowed: Bits | None) -> Ints:
        """See :class:`Searcher`."""
        import faiss

        question = np.ascontiguousarray(query, np.float32)
        parameters = faiss.SearchParametersIVF(nprobe=1)  # type: ignore[call-arg]
        if allowed is not None:
            selector = faiss.IDSelectorBitmap(allowed)  # type: ignore[call-arg,arg-type]
            parameters = faiss.SearchParametersIVF(nprobe=1, sel=selector)  # type: ignore[call-arg]
        faiss.omp_set_num_threads(1)
        zero, nothing = np.zeros(1, np.int64), np.zeros(1, np.float32)
        parts = []
        wanted = max(_MORE * k, _LEAST)
        for index in self._indexes.values():
            if index.ntotal <= wanted:
                parts.append(_held(index, allowed))
                continue
            found, scores = np.empty(wanted, np.int64), np.empty(wanted, np.float32)
            pointers = [faiss.swig_ptr(array) for array in (zero, nothing, scores, found)]
            index.search_preassigned_c(1, faiss.swig_ptr(question), wanted, *pointers, False, parameters)
            parts.append(found)
        return _joined(parts)

    def _packed(self, ids: Ints, codes: Codes) -> Any:
        """An index of these alone: FAISS arranges codes for its fast scan only when it converts a plain index."""
        import faiss

        quantizer = self.quantizer
        plain: Any = faiss.IndexIVFPQ(
            self._coarse, quantizer.dimension, 1, quantizer.parts, BITS, faiss.METRIC_INNER_PRODUCT
        )
        plain.by_residual, plain.is_trained = False, True
        faiss.copy_array_to_vector(quantizer.centroids.ravel(), plain.pq.centroids)
        plain.invlists.add_entries(0, len(ids), faiss.swig_ptr(ids), faiss.swig_ptr(codes))
        plain.ntotal = len(ids)
        return faiss.IndexIVFPQFastScan(plain)


def _held(index: Any, allowed: Bits | None) -> Ints:
    """All ids of a small group: the fast scan may pass over the farthest, whose rounded score is nothing."""
    import faiss

    if not index.ntotal:
        return np.empty(0, np.int64)
    ids: Ints = faiss.rev_swig_ptr(index.invlists.get_ids(0), index.ntotal).copy()
    return ids if allowed is None else ids[(allowed[ids >> 3] >> (ids & 7).astype(np.uint8)) & 1 == 1]


def _split(groups: Numbers) -> list[tuple[int, Ints]]:
    """Each group that occurs, and where."""
    return [(number, np.flatnonzero(groups == number)) for number in np.unique(groups).tolist()]


def _joined(found: list[Ints]) -> Ints:
    ids = np.concatenate([np.empty(0, np.int64), *found])
    return ids[ids >= 0]

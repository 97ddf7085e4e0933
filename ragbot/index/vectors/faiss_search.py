"""The structures that are searched, in memory: exact vectors, or codes in lists. Each holds what is alive, by id."""

from __future__ import annotations

import os
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ragbot.index.segment import Ints
from ragbot.index.vectors.base import Floats
from ragbot.index.vectors.faiss_quantizer import Codes, Lists, Quantizer
from ragbot.models.embedders.base import Vectors

#: Codes to be compared from which on all cores search. Below, waking them takes longer than it saves, and with other
#: programs at work many times longer.
_PARALLEL_FROM = 400_000
#: Of the vectors in lists, this share is compared, nearest lists first, and at least that many. Of those of a group or
#: filter it is half: a question in another language is about as far from all lists, and with a twelfth the recall@10
#: of such a group was 0.75 to 0.85, with a third 0.92 to 0.96, with half 0.97 to 0.99 (e5 vectors of bench sentences).
_SHARE, _SHARE_OF_SOME, _LEAST = 0.08, 0.5, 65_536
#: Candidates by their codes beyond those that were asked for, to be put in order by the exact vectors.
_MORE = 50

#: One bit an id, least first: which may be found.
Bits = npt.NDArray[np.uint8]


class Searcher(Protocol):
    """Finds candidates by inner product; the caller puts them in order by their exact vectors."""

    @property
    def lists(self) -> int:
        """How many lists there are; 0 where vectors are compared exactly."""

    @property
    def description(self) -> str:
        """A word for people."""

    def add(self, ids: Ints, vectors: Vectors, lists: Lists) -> None:
        """Take vectors in, whose lists :meth:`assign` gave."""

    def assign(self, vectors: Vectors) -> Lists:
        """The list of each vector."""

    def remove(self, ids: Ints) -> None:
        """Take vectors out."""

    def candidates(self, query: Floats, k: int, allowed: Bits | None, sizes: Ints) -> Ints:
        """Ids of ``k`` or more of the nearest, in any order.

        ``sizes``: how many vectors of each list may be found, which decides how many lists are looked into.
        """


class ExactSearcher:
    """``IndexFlatIP``: every vector is compared."""

    lists = 0
    description = "flat"

    def __init__(self, dimension: int) -> None:
        import faiss

        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))

    def add(self, ids: Ints, vectors: Vectors, lists: Lists) -> None:
        """See :class:`Searcher`."""
        self._index.add_with_ids(np.ascontiguousarray(vectors, np.float32), np.ascontiguousarray(ids))

    def assign(self, vectors: Vectors) -> Lists:
        """See :class:`Searcher`."""
        return np.zeros(len(vectors), np.int32)

    def remove(self, ids: Ints) -> None:
        """See :class:`Searcher`."""
        self._index.remove_ids(np.ascontiguousarray(ids))

    def candidates(self, query: Floats, k: int, allowed: Bits | None, sizes: Ints) -> Ints:
        """See :class:`Searcher`."""
        import faiss

        _threads(int(sizes.sum()))
        k = min(k, int(sizes.sum()))
        if not k:
            return np.empty(0, np.int64)
        parameters = None
        if allowed is not None:
            selector = faiss.IDSelectorBitmap(allowed)  # type: ignore[call-arg,arg-type]
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        found: Ints = self._index.search(query[None], k, params=parameters)[1][0]
        return found[found >= 0]


class ListSearcher:
    """``IndexIVFScalarQuantizer`` with lists of our choice for each question; with one list, a scan of all codes."""

    def __init__(self, quantizer: Quantizer) -> None:
        import faiss

        self.quantizer = quantizer
        dimension = quantizer.centroids.shape[1]
        self._coarse = faiss.IndexFlatIP(dimension)  # kept: the index below does not own it
        self._index: Any = faiss.IndexIVFScalarQuantizer(
            self._coarse,
            dimension,
            quantizer.lists,
            faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
            False,  # codes of the vectors, not of what remains of them beside the centroid: the lists may change
        )
        faiss.copy_array_to_vector(quantizer.ranges, self._index.sq.trained)
        self._index.is_trained = True
        self._index.parallel_mode = 1  # the lists of one question, not several questions

    @property
    def lists(self) -> int:
        """See :class:`Searcher`."""
        return self.quantizer.lists

    @property
    def description(self) -> str:
        """See :class:`Searcher`."""
        return self.quantizer.description

    def assign(self, vectors: Vectors) -> Lists:
        """See :class:`Searcher`."""
        return self.quantizer.assign(vectors)

    def add(self, ids: Ints, vectors: Vectors, lists: Lists) -> None:
        """See :class:`Searcher`."""
        self.add_codes(ids, self.quantizer.encode(vectors), lists)

    def add_codes(self, ids: Ints, codes: Codes, lists: Lists) -> None:
        """Take vectors in that were encoded before."""
        import faiss

        if not len(ids):
            return
        order = np.argsort(lists, kind="stable")
        ids, codes = np.ascontiguousarray(ids[order]), codes[order]
        used, begins = np.unique(lists[order], return_index=True)
        for number, begin, end in zip(used.tolist(), begins.tolist(), [*begins.tolist()[1:], len(ids)], strict=True):
            self._index.invlists.add_entries(
                number, end - begin, faiss.swig_ptr(ids[begin:end]), faiss.swig_ptr(codes[begin:end])
            )
        self._index.ntotal += len(ids)

    def remove(self, ids: Ints) -> None:
        """See :class:`Searcher`."""
        self._index.remove_ids(np.ascontiguousarray(ids))

    def candidates(self, query: Floats, k: int, allowed: Bits | None, sizes: Ints) -> Ints:
        """See :class:`Searcher`."""
        import faiss

        total = int(sizes.sum())
        if not total:
            return np.empty(0, np.int64)
        order = np.argsort(-(self.quantizer.centroids @ query), kind="stable").astype(np.int64)
        order = order[sizes[order] > 0]
        covered = np.cumsum(sizes[order])
        share = _SHARE if allowed is None else _SHARE_OF_SOME
        enough = int(np.searchsorted(covered, min(total, max(total * share, _LEAST, 4 * k))))
        probes = np.ascontiguousarray(order[: enough + 1])
        _threads(int(covered[enough]))
        k = min(k + max(k // 2, _MORE), total)
        zeros, scores = np.zeros(len(probes), np.float32), np.empty(k, np.float32)
        found: Ints = np.empty(k, np.int64)
        parameters = faiss.SearchParametersIVF(nprobe=len(probes))  # type: ignore[call-arg]
        if allowed is not None:
            selector = faiss.IDSelectorBitmap(allowed)  # type: ignore[call-arg,arg-type]
            parameters = faiss.SearchParametersIVF(nprobe=len(probes), sel=selector)  # type: ignore[call-arg]
        question = np.ascontiguousarray(query, np.float32)
        pointers = [faiss.swig_ptr(array) for array in (probes, zeros, scores, found)]
        self._index.search_preassigned_c(1, faiss.swig_ptr(question), k, *pointers, False, parameters)
        return found[found >= 0]


def _threads(comparisons: int) -> None:
    import faiss

    faiss.omp_set_num_threads(1 if comparisons < _PARALLEL_FROM else os.cpu_count() or 1)

"""The structures that are searched, in memory: exact vectors, or codes. Each holds what is alive, by group and id.

Every group has structures of its own, so that the nearest of each group and those of all are found by comparing each
vector once. A large group has several (*shards*), which a search scans on several cores at once: their scores are of
one scale, so that the best of a group are the best of all its shards, however many there are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ragbot.index.segment import Ints
from ragbot.index.vectors.base import Floats
from ragbot.index.vectors.faiss_quantizer import BITS, Codes, Quantizer
from ragbot.index.vectors.faiss_threads import together
from ragbot.models.embedders.base import Vectors

#: Candidates by their codes for each that was asked for, and at least, to be put in order by the exact vectors.
_MORE, _LEAST = 5, 400
#: Candidates beyond those that were asked for where all are compared exactly: FAISS rounds sums in its own way.
_SPARE = 16
#: Rows of a shard at most, exact and as codes: a scan of it takes one or two milliseconds on one core.
EXACT_ROWS, CODE_ROWS = 4_096, 131_072
#: Bytes that are compared from which on a second core brings more than waking it up costs.
_WORTH_THREADS = 8_000_000

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


class _Shards(ABC):
    """What exact vectors and codes have in common: adding, removing, and the best of all shards of a group.

    Args:
        rows: of a shard at most.
        width: bytes of a vector as it is compared.
    """

    def __init__(self, rows: int, width: int) -> None:
        self._rows, self._width = rows, width
        self._shards: dict[int, list[Any]] = {}

    def add(self, ids: Ints, vectors: Vectors, groups: Numbers) -> None:
        """See :class:`Searcher`."""
        for number, rows in _split(groups):
            shards = self._shards.setdefault(number, [])
            room = max(self._rows - shards[-1].ntotal, 0) if shards else 0
            if room:
                shards[-1].add_with_ids(*_contiguous(vectors, ids, rows[:room]))
            for begin in range(room, len(rows), self._rows):
                shards.append(self._made(*_contiguous(vectors, ids, rows[begin : begin + self._rows])))

    def remove(self, ids: Ints, groups: Numbers) -> None:
        """See :class:`Searcher`."""
        for number, rows in _split(groups):
            own = np.ascontiguousarray(ids[rows])
            for shard in self._shards[number]:
                shard.remove_ids(own)
            self._shards[number] = [shard for shard in self._shards[number] if shard.ntotal]

    def candidates(self, query: Floats, k: int, allowed: Bits | None) -> Ints:
        """See :class:`Searcher`."""
        import faiss

        wanted, question = self._wanted(k), np.ascontiguousarray(query[None], np.float32)
        selector = None if allowed is None else faiss.IDSelectorBitmap(allowed)  # type: ignore[call-arg,arg-type]
        tasks, owners, found, size = [], list[int](), list[Ints](), 0
        for number, shards in self._shards.items():
            for shard in shards:
                if shard.ntotal <= wanted:
                    found.append(_allowed(self._ids(shard), allowed))
                else:
                    tasks.append(partial(self._nearest, shard, question, wanted, selector))
                    owners.append(number)
                    size += shard.ntotal * self._width
        scanned = together(tasks, alone=size < _WORTH_THREADS)
        for number in dict.fromkeys(owners):
            own = [one for one, owner in zip(scanned, owners, strict=True) if owner == number]
            found.append(_best(own, wanted))
        ids = np.concatenate([np.empty(0, np.int64), *found])
        return ids[ids >= 0]

    @abstractmethod
    def _made(self, vectors: Vectors, ids: Ints) -> Any:
        """A shard of these."""

    @abstractmethod
    def _ids(self, shard: Any) -> Ints:
        """All ids of a shard."""

    @abstractmethod
    def _wanted(self, k: int) -> int:
        """How many are looked for in a shard, that the ``k`` nearest may be among them."""

    @abstractmethod
    def _nearest(self, shard: Any, question: Floats, count: int, selector: Any) -> tuple[Floats, Ints]:
        """Scores and ids of the best in a shard of more than ``count``; -1 for what is not found.

        Several threads call it with one ``selector`` (None: all may be found), but each with parameters of its own:
        FAISS writes to these during a search.
        """


class ExactSearcher(_Shards):
    """``IndexFlatIP``: every vector is compared."""

    quantizer: Quantizer | None = None
    description = "flat"

    def __init__(self, dimension: int) -> None:
        super().__init__(EXACT_ROWS, 4 * dimension)
        self._dimension = dimension

    def _made(self, vectors: Vectors, ids: Ints) -> Any:
        import faiss

        index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(self._dimension))
        index.add_with_ids(vectors, ids)
        return index

    def _ids(self, shard: Any) -> Ints:
        import faiss

        ids: Ints = faiss.vector_to_array(shard.id_map)
        return ids

    def _wanted(self, k: int) -> int:
        return k + _SPARE

    def _nearest(self, shard: Any, question: Floats, count: int, selector: Any) -> tuple[Floats, Ints]:
        import faiss

        parameters = None if selector is None else faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        scores, ids = shard.search(question, count, params=parameters)
        return scores[0], ids[0]


class CodeSearcher(_Shards):
    """``IndexIVFPQFastScan`` with one list a shard: all codes are compared, 32 at once."""

    def __init__(self, quantizer: Quantizer) -> None:
        import faiss

        super().__init__(CODE_ROWS, quantizer.parts * BITS // 8)
        self.quantizer: Quantizer = quantizer
        self._coarse = faiss.IndexFlatIP(quantizer.dimension)
        self._coarse.add(np.zeros((1, quantizer.dimension), np.float32))

    @property
    def description(self) -> str:
        """See :class:`Searcher`."""
        return self.quantizer.description

    def fill(self, ids: Ints, codes: Codes, groups: Numbers) -> None:
        """Take in all vectors at once, encoded before, where there are none."""
        for number, rows in _split(groups):
            pieces = [rows[begin : begin + self._rows] for begin in range(0, len(rows), self._rows)]
            self._shards[number] = [
                self._packed(np.ascontiguousarray(ids[piece]), np.ascontiguousarray(codes[piece])) for piece in pieces
            ]

    def _made(self, vectors: Vectors, ids: Ints) -> Any:
        return self._packed(ids, self.quantizer.encode(vectors))

    def _ids(self, shard: Any) -> Ints:
        """The fast scan may pass over the farthest, whose rounded score is nothing: a small shard is taken whole."""
        import faiss

        ids: Ints = faiss.rev_swig_ptr(shard.invlists.get_ids(0), shard.ntotal).copy()
        return ids

    def _wanted(self, k: int) -> int:
        return max(_MORE * k, _LEAST)

    def _nearest(self, shard: Any, question: Floats, count: int, selector: Any) -> tuple[Floats, Ints]:
        import faiss

        parameters = faiss.SearchParametersIVF(nprobe=1, sel=selector)  # type: ignore[call-arg]
        zero, nothing = np.zeros(1, np.int64), np.zeros(1, np.float32)
        ids, scores = np.empty(count, np.int64), np.empty(count, np.float32)
        pointers = [faiss.swig_ptr(array) for array in (zero, nothing, scores, ids)]
        shard.search_preassigned_c(1, faiss.swig_ptr(question), count, *pointers, False, parameters)
        return scores, ids

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


def _best(found: list[tuple[Floats, Ints]], count: int) -> Ints:
    """The ids with the ``count`` highest of these scores."""
    if len(found) == 1:
        return found[0][1]
    scores, ids = np.concatenate([scores for scores, _ in found]), np.concatenate([ids for _, ids in found])
    ids, scores = ids[ids >= 0], scores[ids >= 0]
    return ids if len(ids) <= count else ids[np.argpartition(-scores, count - 1)[:count]]


def _allowed(ids: Ints, allowed: Bits | None) -> Ints:
    return ids if allowed is None else ids[(allowed[ids >> 3] >> (ids & 7).astype(np.uint8)) & 1 == 1]


def _contiguous(vectors: Vectors, ids: Ints, rows: Ints) -> tuple[Vectors, Ints]:
    return np.ascontiguousarray(vectors[rows], np.float32), np.ascontiguousarray(ids[rows])


def _split(groups: Numbers) -> list[tuple[int, Ints]]:
    """Each group that occurs, and where."""
    return [(number, np.flatnonzero(groups == number)) for number in np.unique(groups).tolist()]

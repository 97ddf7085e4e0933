"""What a vector index holds, without the vectors: ids, the group of each, and the moments of each group.

Shared by the backends. Everything lies in arrays: a million ids cost about 20 MB.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ragbot.index.segment import Ints
from ragbot.index.vectors.base import Floats, Moments, scale_of
from ragbot.models.embedders.base import Vectors

#: A group of fewer vectors has no statistics of its own.
SMALLEST_GROUP = 20

Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


class Members:
    """Ids in ascending order, with the group (language) of each; statistics of the vectors by group.

    Args:
        dimension: of the vectors.
    """

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._ids: Ints = np.empty(0, np.int64)
        self._codes: Codes = np.empty(0, np.int32)
        self._names: list[str] = []
        self._moments: list[Moments] = []
        self._large: dict[str, Ints] | None = None
        self._exact = True

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> Ints:
        """All ids, ascending; not to be written to."""
        return self._ids

    @property
    def exact(self) -> bool:
        """False after a removal without the vectors, until :meth:`recount`."""
        return self._exact

    def holds(self, ids: Ints) -> Mask:
        """For each of these ids, whether it is held."""
        return self._at(ids)[1]

    def add(self, ids: Ints | Sequence[int], groups: Sequence[str], vectors: Vectors) -> None:
        """Take ids in, with the group and the vector of each; ``groups`` empty is one group without a name.

        Raises:
            ValueError: an id is held already or comes twice (nothing is changed then), or the lengths differ.
        """
        new = np.asarray(ids, np.int64)
        if len(groups) not in (0, len(new)) or len(vectors) != len(new):
            raise ValueError(f"{len(new)} ids came with {len(groups)} groups and {len(vectors)} vectors")
        if not len(new):
            return
        order = np.argsort(new, kind="stable")
        ascending = new[order]
        if (np.diff(ascending) == 0).any() or self.holds(ascending).any():
            raise ValueError("an id that is held already was added; remove it first")
        codes = self._codes_of(groups or [""] * len(new))
        self._count(codes, vectors, 1)
        if not len(self._ids) or ascending[0] > self._ids[-1]:  # the usual case: chunks get growing ids
            self._ids = np.concatenate([self._ids, ascending])
            self._codes = np.concatenate([self._codes, codes[order]])
        else:
            places = np.searchsorted(self._ids, ascending)
            self._ids = np.insert(self._ids, places, ascending)
            self._codes = np.insert(self._codes, places, codes[order])
        self._large = None

    def remove(self, ids: Ints | Sequence[int], vectors: Vectors | None = None) -> None:
        """Take ids out; those that are not held are passed over.

        ``vectors``, one for each of ``ids``, are needed to take them out of the moments. Where they cannot be had,
        the moments are wrong until :meth:`recount` (see :attr:`exact`).
        """
        gone = np.asarray(ids, np.int64)
        if vectors is not None and len(vectors) != len(gone):
            raise ValueError(f"{len(gone)} ids came with {len(vectors)} vectors")
        gone, first = np.unique(gone, return_index=True)
        at, held = self._at(gone)
        if not held.any():
            return
        if vectors is None:
            self._exact = False
        else:
            self._count(self._codes[at[held]], vectors[first[held]], -1)
        keep = np.ones(len(self._ids), bool)
        keep[at[held]] = False
        self._ids, self._codes = self._ids[keep], self._codes[keep]
        self._large = None

    def recount(self, batches: Iterable[tuple[Ints, Vectors]]) -> None:
        """Make the moments anew from the vectors of all ids that are held, in any order; others are passed over.

        Raises:
            ValueError: the batches do not hold each id once; the moments stay as they were.
        """
        before, self._moments = self._moments, [Moments(self.dimension) for _ in self._names]
        counted = 0
        try:
            for ids, vectors in batches:
                at, held = self._at(ids)
                self._count(self._codes[at[held]], vectors[held], 1)
                counted += int(held.sum())
            if counted != len(self._ids):
                raise ValueError(f"the moments of {len(self._ids)} vectors were to be made from {counted}")
        except BaseException:
            self._moments = before
            raise
        self._exact = True

    def scales(self, query: Floats, wanted: Ints) -> tuple[Floats, Floats]:
        """For each of these ids, mean and deviation of the inner product over its group, or over all if that is small.

        An id that is not held gets those over all.
        """
        counts, sums, squares = self._projected(query)
        table = np.empty((len(counts) + 1, 2), np.float32)
        table[:] = scale_of(counts.sum(), sums.sum(), squares.sum())  # the last: of no group
        for code in np.flatnonzero(counts >= SMALLEST_GROUP).tolist():
            table[code] = scale_of(counts[code], sums[code], squares[code])
        at, held = self._at(wanted)
        codes = np.full(len(wanted), len(self._names))
        codes[held] = self._codes[at[held]]
        return table[codes, 0], table[codes, 1]

    def moments(self, query: Floats) -> tuple[float, float]:
        """Mean and standard deviation of the inner product with ``query`` over all."""
        counts, sums, squares = self._projected(query)
        return scale_of(counts.sum(), sums.sum(), squares.sum())

    def _projected(self, query: Floats) -> tuple[npt.NDArray[np.float64], ...]:
        """Of each group: count, sum and sum of squares of the inner products with ``query``."""
        q = query.astype(np.float64)
        found = np.array([moments.projected(q) for moments in self._moments], np.float64).reshape(-1, 3)
        return found[:, 0], found[:, 1], found[:, 2]

    def large(self) -> dict[str, Ints]:
        """The ids, ascending, of each group that is large enough for statistics of its own. Not to be written to."""
        if self._large is None:
            sizes = np.bincount(self._codes, minlength=len(self._names))
            self._large = {
                name: self._ids[self._codes == code]
                for code, name in enumerate(self._names)
                if sizes[code] >= SMALLEST_GROUP
            }
        return self._large

    def group_of(self, ids: Ints) -> Codes:
        """The number of the group of each of these ids; of one that is not held, -1."""
        at, held = self._at(ids)
        codes = np.full(len(ids), -1, np.int32)
        codes[held] = self._codes[at[held]]
        return codes

    def groups_of(self, ids: Ints) -> npt.NDArray[np.str_]:
        """The name of the group of each of these ids; of one that is not held, the empty one."""
        return np.array([*self._names, ""], np.str_)[self.group_of(ids)]

    def large_numbers(self) -> list[int]:
        """The numbers of the groups that are large enough for statistics of their own."""
        return [code for code, moments in enumerate(self._moments) if moments.count >= SMALLEST_GROUP]

    def stored(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Metadata (for JSON) and arrays that :meth:`restored` takes.

        Raises:
            ValueError: vectors were removed without taking them out of the moments; :meth:`recount` first.
        """
        if not self._exact:
            raise ValueError("the moments still count vectors that were removed; recount them before they are stored")
        shape = (len(self._names), self.dimension)
        arrays: dict[str, npt.NDArray[Any]] = {
            "ids": self._ids,
            "group_of": self._codes,
            "sums": np.array([moments.sum for moments in self._moments]).reshape(shape),
            "outers": np.array([moments.outer for moments in self._moments]).reshape(*shape, self.dimension),
        }
        return {"groups": list(self._names), "counts": [moments.count for moments in self._moments]}, arrays

    @classmethod
    def restored(cls, metadata: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], dimension: int) -> Members:
        """What :meth:`stored` gave; entries that it does not know are passed over."""
        members = cls(dimension)
        members._ids, members._codes = arrays["ids"].astype(np.int64), arrays["group_of"].astype(np.int32)  # copies
        members._names = list(metadata["groups"])
        for number, count in enumerate(metadata["counts"]):
            moments = Moments(dimension)
            moments.count, moments.sum = count, arrays["sums"][number].copy()
            moments.outer = arrays["outers"][number].copy()
            members._moments.append(moments)
        return members

    def _at(self, ids: Ints) -> tuple[Ints, Mask]:
        """Where these ids stand (anywhere, if not at all), and which do."""
        wanted = np.asarray(ids, np.int64)
        if not len(self._ids):
            return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
        at = np.minimum(np.searchsorted(self._ids, wanted), len(self._ids) - 1)
        return at, self._ids[at] == wanted

    def _codes_of(self, groups: Sequence[str]) -> Codes:
        for name in dict.fromkeys(groups):
            if name not in self._names:
                self._names.append(name)
                self._moments.append(Moments(self.dimension))
        number = {name: code for code, name in enumerate(self._names)}
        return np.fromiter((number[name] for name in groups), np.int32, len(groups))

    def _count(self, codes: Codes, vectors: Vectors, sign: int) -> None:
        present = np.unique(codes)
        for code in present.tolist():
            self._moments[code].add(vectors if len(present) == 1 else vectors[codes == code], sign)
            if not self._moments[code].count:
                self._moments[code] = Moments(self.dimension)  # no trace of rounding

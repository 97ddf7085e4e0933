"""Who may be found: bitmaps of the groups and filters, and how many of each list they leave, made once a state."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ragbot.index.segment import Ints
from ragbot.index.vectors.faiss_quantizer import Lists
from ragbot.index.vectors.faiss_search import Bits
from ragbot.index.vectors.members import Members


class Groups:
    """The large groups of one state of an index, and one more of what belongs to none of them.

    Args:
        members: what is held.
        lists: the list of each id.
        count: how many lists there are.
    """

    def __init__(self, members: Members, lists: Lists, count: int) -> None:
        self._ids = members.ids
        names, self._numbers = members.numbers()
        self._large, self._count = len(names), count
        self._cells = self._numbers.astype(np.int64) * count + lists
        self._sizes = self._counted(self._cells)
        self._bits: dict[int, Bits] = {}

    def of(self, ids: Ints) -> Ints:
        """The number of the large group of each of these ids, which are held; -1 for one of another."""
        numbers = self._numbers[np.searchsorted(self._ids, ids)].astype(np.int64)
        return np.where(numbers == self._large, -1, numbers)

    def choices(self, allowed: Ints | None, by_group: bool) -> Iterator[tuple[Bits | None, Ints]]:
        """What to search, one after the other: who may be found (None: all), and how many of each list these are.

        Together they are all that is ``allowed``; ``by_group`` each is part of one group, so that no vector is compared
        twice for the nearest of all and of its group.
        """
        mask, sizes = None, self._sizes
        if allowed is not None:
            marks = self._marks(allowed)
            mask = np.packbits(marks, bitorder="little")
            sizes = self._counted(self._cells[marks[self._ids]])
        if not by_group:
            yield mask, sizes.sum(axis=0)
            return
        for number in range(self._large + 1):
            if sizes[number].any():
                bits = self._group(number)
                yield (bits if mask is None else bits & mask), sizes[number]

    def _group(self, number: int) -> Bits:
        if number not in self._bits:
            marks = self._marks(self._ids[self._numbers == number])
            self._bits[number] = np.packbits(marks, bitorder="little")
        return self._bits[number]

    def _marks(self, ids: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        marks = np.zeros(int(self._ids[-1]) + 1, bool)
        marks[ids] = True
        return marks

    def _counted(self, cells: Ints) -> Ints:
        size = (self._large + 1) * self._count
        return np.bincount(cells, minlength=size).reshape(self._large + 1, self._count)

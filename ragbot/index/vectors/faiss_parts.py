"""The exact vectors of an index, in parts: looked up by id, mended from the catalog, merged as they grow in number."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ragbot.errors import CorruptError
from ragbot.index.segment import Ints
from ragbot.index.vectors.faiss_part import PART_ROWS, Part
from ragbot.models.embedders.base import Vectors

log = logging.getLogger(__name__)

#: More parts of less than half the greatest size are merged, neighbours with the fewest rows first.
MAX_SMALL = 8

#: Those of these ids that exist, ascending, and their vectors: :meth:`ragbot.index.catalog.Catalog.vectors_of`.
Truth = Callable[[Iterable[int]], tuple[Ints, Vectors]]


class Parts:
    """All vectors that are alive.

    Args:
        dimension: of the vectors.
        truth: where the vector of a damaged row is had from; None if nowhere.
    """

    def __init__(self, dimension: int, truth: Truth | None = None) -> None:
        self._dimension = dimension
        self._truth = truth
        self._parts: list[Part] = []

    def __iter__(self) -> Iterator[Part]:
        return iter(self._parts)

    def append(self, part: Part) -> None:
        """Take in a part that was read."""
        self._parts.append(part)

    def add(self, ids: Ints, vectors: Vectors) -> None:
        """Take vectors in; none of the ids is alive."""
        order = np.argsort(ids, kind="stable")
        ids, vectors = ids[order], np.asarray(vectors, np.float32)[order]
        for begin in range(0, len(ids), PART_ROWS):
            fresh = Part(ids[begin : begin + PART_ROWS], vectors[begin : begin + PART_ROWS])
            last = self._parts[-1] if self._parts else None
            if last is not None and last.rows_name is None and len(last) + len(fresh) <= PART_ROWS:
                self._parts[-1] = self._joined([last, fresh])
            else:
                self._parts.append(fresh)

    def remove(self, ids: Ints) -> None:
        """Take vectors out; they are on the disk until the next save."""
        for part in self._parts:
            part.alive[part.find(ids)[1]] = False

    def vectors(self, ids: Ints, many: bool = False) -> Vectors:
        """The vectors of these ids, in their order; of ``many`` the pages that were read are given back part by part.

        Raises:
            KeyError: one is not held.
            CorruptError: a row is damaged, and the catalog cannot give it.
        """
        found = np.empty((len(ids), self._dimension), np.float32)
        for part, places, rows in self._located(ids):
            found[places] = self._read(part, rows)
            if many:
                part.release()
        return found

    def scores(self, query: Vectors, ids: Ints) -> Vectors:
        """The inner products of ``query`` with the vectors of these ids, in their order.

        Raises:
            KeyError: one is not held.
            CorruptError: a row is damaged, and the catalog cannot give it.
        """
        scores = np.empty(len(ids), np.float32)
        read = np.empty((len(ids), self._dimension), np.float32)
        for part, places, rows in self._located(ids):
            # Each row by itself: a matrix product may round two equal vectors differently.
            scores[places] = np.einsum("ij,j->i", self._read(part, rows, read[: len(rows)]), query)
        return scores

    def _located(self, ids: Ints) -> list[tuple[Part, Ints, Ints]]:
        """The parts that hold some of ``ids``: their places in ``ids``, and their rows. Raises KeyError."""
        order = ids.argsort(kind="stable")
        ascending, found, missing = ids[order], [], len(ids)
        begins = ascending.searchsorted([part.ids[0] for part in self._parts]).tolist()
        ends = ascending.searchsorted([part.ids[-1] + 1 for part in self._parts]).tolist()
        for part, begin, end in zip(self._parts, begins, ends, strict=True):
            if begin < end:
                places, rows = part.find(ascending[begin:end])
                if len(rows):
                    found.append((part, order[begin:end][places], rows))
                    missing -= len(rows)
        if missing:
            raise KeyError(f"{missing} of the {len(ids)} vectors that were asked for are not held")
        return found

    def batches(self) -> Iterator[tuple[Ints, Vectors]]:
        """All that is alive, part by part. Raises CorruptError."""
        for part in self._parts:
            yield part.ids[part.alive], self._alive(part)
            part.release()

    def forget_codes(self) -> None:
        """The codes of all parts are to be made again: those that are stored count no more."""
        for part in self._parts:
            part.name = None

    def tidy(self, folder: Path) -> None:
        """Bring the parts into the shape in which they are stored: without dead rows, not too many, none damaged.

        Raises:
            CorruptError: a row is damaged, and the catalog cannot give it.
        """
        kept = []
        for part in self._parts:
            if not part.stored(folder):
                part.name = None
                if part.rows_name is not None and not (folder / part.rows_name).exists():
                    part.rows_name = None
            if part.damaged or not part.alive.all():
                part = self._joined([part])
            if len(part):
                kept.append(part)
        self._parts = kept
        while sum(2 * len(part) < PART_ROWS for part in self._parts) > MAX_SMALL:
            sizes = [len(part) for part in self._parts]
            at = min(range(len(sizes) - 1), key=lambda i: sizes[i] + sizes[i + 1])
            if sizes[at] + sizes[at + 1] > PART_ROWS:
                break
            self._parts[at : at + 2] = [self._joined(self._parts[at : at + 2])]

    def _joined(self, parts: Sequence[Part]) -> Part:
        ids = np.concatenate([part.ids[part.alive] for part in parts])
        vectors = np.concatenate([self._alive(part) for part in parts])
        for part in parts:
            part.release()
        if (np.diff(ids) > 0).all():  # the usual case: chunks get growing ids
            return Part(ids, vectors)
        order = np.argsort(ids, kind="stable")
        return Part(ids[order], vectors[order])

    def _alive(self, part: Part) -> Vectors:
        fresh = part.fresh_rows()
        return self._read(part, np.flatnonzero(part.alive)) if fresh is None else fresh

    def _read(self, part: Part, rows: Ints, out: Vectors | None = None) -> Vectors:
        vectors, bad = part.vectors(rows, out)
        if len(bad):
            part.damaged = True
            what = f"{len(bad)} vectors in {part.rows_name} are damaged (their checksums do not match)"
            if self._truth is None:
                raise CorruptError(f"{what}; ragbot kb repair makes the index again from the catalog")
            log.warning("%s; they are read from the catalog, and the next change stores them again", what)
            ids, exact = self._truth(part.ids[rows[bad]].tolist())
            if len(ids) < len(bad):
                raise CorruptError(f"{what}, and the catalog has them no more: run ragbot kb repair")
            vectors[bad] = exact[np.searchsorted(ids, part.ids[rows[bad]])]
        return vectors

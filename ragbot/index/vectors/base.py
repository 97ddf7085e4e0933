"""The contract of a vector index: derived from the catalog, idempotent, exact about its own statistics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ragbot.index.segment import Ints
from ragbot.models.embedders.base import Vectors

Floats = npt.NDArray[np.float32]
#: Rows that are turned into float64 at once.
_ROWS = 16_384


class VectorIndex(Protocol):
    """Vectors of unit length by chunk id; :attr:`seq` is the catalog's change that it has reached.

    Each vector belongs to a group, the language of its document. A multilingual embedder puts a question nearer to
    everything in its own language: measured against the whole of a mixed collection, what answers it in another
    language would never stand out.
    """

    seq: int

    def __len__(self) -> int:
        """How many vectors it holds."""

    def ids(self) -> Ints:
        """The ids of all of them, ascending; not to be written to."""

    @property
    def description(self) -> str:
        """How it searches, in a word for people: ``flat``, ``pq192x4``, …"""

    def apply(
        self, seq: int, removed: Sequence[int], added: Sequence[int], vectors: Vectors, groups: Sequence[str] = ()
    ) -> None:
        """Take vectors out, put vectors in (without ``groups`` into one), and note the sequence number.

        Doing it twice is harmless.
        """

    def top(self, query: Floats, k: int, allowed: Ints | None = None) -> Ints:
        """Ids of the ``k`` nearest by inner product, best first; of ``allowed`` only, if given."""

    def nearest(self, query: Floats, k: int, allowed: Ints | None = None) -> Ints:
        """Ids of the ``k`` nearest of all, and of each group that is large enough for statistics, ascending."""

    def scales(self, query: Floats, wanted: Ints) -> tuple[Floats, Floats]:
        """For each of these ids, mean and deviation of the inner product over its group, or over all if that is small."""

    def groups_of(self, ids: Ints) -> npt.NDArray[np.str_]:
        """The group of each of these ids; of one that is not held, or of none, the empty string."""

    def of(self, query: Floats, wanted: Ints) -> Floats:
        """Inner products with the vectors of these ids."""

    def moments(self, query: Floats) -> tuple[float, float]:
        """Mean and standard deviation of the inner product with ``query`` over the whole collection."""

    def save(self, folder: Path, identity: str = "") -> None:
        """Store the index, and of which catalog it is. Raises StorageError."""


class Moments:
    """Count, sum and sum of outer products of a set of vectors.

    For any ``q``, the mean of ``q·v`` is ``q·μ`` and its variance ``qᵀΣq``: exact, whatever part of the collection a
    search looked at.
    """

    def __init__(self, dimension: int) -> None:
        self.count = 0
        self.sum = np.zeros(dimension)
        self.outer = np.zeros((dimension, dimension))

    def add(self, vectors: Vectors, sign: int = 1) -> None:
        """Count vectors in (``sign`` 1) or out (-1)."""
        self.count += sign * len(vectors)
        for begin in range(0, len(vectors), _ROWS):
            exact = vectors[begin : begin + _ROWS].astype(np.float64)
            self.sum += sign * exact.sum(axis=0)
            self.outer += sign * (exact.T @ exact)

    def projected(self, query: npt.NDArray[np.float64]) -> tuple[int, float, float]:
        """Count, sum and sum of squares of the inner products with ``query``; those of several sets add up."""
        return self.count, float(query @ self.sum), float(query @ self.outer @ query)

    def of(self, query: Floats) -> tuple[float, float]:
        """Mean and standard deviation of the inner product with ``query``."""
        return scale_of(*self.projected(query.astype(np.float64)))


def scale_of(count: float, total: float, squares: float) -> tuple[float, float]:
    """Mean and standard deviation of ``count`` numbers by their sum and that of their squares; zeros of none."""
    if not count:
        return 0.0, 0.0
    mean = total / count
    return float(mean), float(np.sqrt(max(squares / count - mean * mean, 0.0)))

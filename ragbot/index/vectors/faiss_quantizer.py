"""How many vectors are searched how: exact while few, one byte a dimension when many, in lists when there are more.

Spherical k-means (Dhillon & Modha 2001) makes the lists of an inverted file (Jégou et al. 2011, section IV); each
dimension is cut into 256 equal steps (``SQ8`` in FAISS). Both are trained once for a size class, on an evenly spread
sample without randomness, so that the same vectors give the same quantizer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ragbot.index.container import read_container, write_container
from ragbot.index.vectors.base import Floats
from ragbot.models.embedders.base import Vectors

KIND = "vector-quantizer"
#: Vectors from which on a class begins, and its number of lists: 0 is exact, 1 is a scan of the codes. The number of
#: lists is about the square root of that of the vectors; eval.benchmarks.vector_sizes measures the classes.
CLASSES = ((0, 0), (50_000, 1), (200_000, 512), (800_000, 1024), (3_200_000, 2048), (12_800_000, 4096))
#: Vectors of the sample for each list, and at least.
_SAMPLE_PER_LIST, _SAMPLE = 64, 8_192
_ROUNDS = 8
_STEPS = 255
#: Vectors compared with all centroids at once.
_BATCH = 8_192

Codes = npt.NDArray[np.uint8]
Lists = npt.NDArray[np.int32]


def lists_for(count: int, now: int | None = None) -> int:
    """How many lists ``count`` vectors get; an index that has ``now`` shrinks only below half of the bound."""
    fitting = max(lists for begin, lists in CLASSES if count >= begin)
    if now is None or fitting >= now:
        return fitting
    return now if 2 * count >= next((begin for begin, lists in CLASSES if lists == now), 0) else fitting


def sample_size(lists: int) -> int:
    """How many vectors :meth:`Quantizer.train` wants."""
    return max(_SAMPLE, lists * _SAMPLE_PER_LIST)


class Quantizer:
    """Puts vectors into lists and codes.

    Args:
        centroids: of the lists, of unit length, one a row.
        low: the least value of each dimension.
        span: from there to the greatest; values outside are cut off, which the rescoring makes good.
    """

    def __init__(self, centroids: Vectors, low: Floats, span: Floats) -> None:
        import faiss

        self.centroids, self.low, self.span = centroids, low, span
        self._codec: Any = faiss.ScalarQuantizer(centroids.shape[1], faiss.ScalarQuantizer.QT_8bit)
        faiss.copy_array_to_vector(self.ranges, self._codec.trained)

    @property
    def lists(self) -> int:
        """How many lists there are."""
        return len(self.centroids)

    @property
    def ranges(self) -> Floats:
        """``low`` and ``span`` as FAISS wants them."""
        return np.concatenate([self.low, self.span])

    @property
    def description(self) -> str:
        """``sq8``, or ``ivf512+sq8``."""
        return "sq8" if self.lists == 1 else f"ivf{self.lists}+sq8"

    @classmethod
    def train(cls, sample: Vectors, lists: int) -> Quantizer:
        """Learn the lists and the range of each dimension from a sample in a fixed order."""
        low, high = sample.min(axis=0), sample.max(axis=0)
        margin = np.maximum((high - low) / 20, 1e-6)  # for what the sample did not show
        return cls(_centroids(sample, lists), low - margin, high - low + 2 * margin)

    def assign(self, vectors: Vectors) -> Lists:
        """The list of each vector."""
        if self.lists == 1:
            return np.zeros(len(vectors), np.int32)
        return _nearest(vectors, self.centroids)

    def encode(self, vectors: Vectors) -> Codes:
        """A byte for each dimension."""
        codes: Codes = self._codec.compute_codes(np.ascontiguousarray(vectors, np.float32))
        return codes.reshape(len(vectors), self.centroids.shape[1])

    def write(self, path: Path) -> None:
        """Store it. Raises StorageError."""
        write_container(path, KIND, {}, {"centroids": self.centroids, "low": self.low, "span": self.span})

    @classmethod
    def read(cls, path: Path) -> Quantizer:
        """A stored one. Raises CorruptError or FileNotFoundError."""
        _, arrays = read_container(path, KIND)
        return cls(arrays["centroids"].copy(), arrays["low"].copy(), arrays["span"].copy())


def _centroids(sample: Vectors, lists: int) -> Vectors:
    if lists == 1:
        return np.zeros((1, sample.shape[1]), np.float32)
    centroids: Vectors = sample[np.linspace(0, len(sample) - 1, lists).astype(np.int64)].copy()
    for _ in range(_ROUNDS):
        of = _nearest(sample, centroids)
        sums = np.zeros_like(centroids)
        np.add.at(sums, of, sample)
        used = np.bincount(of, minlength=lists) > 0  # a list that nothing is nearest to stays where it is
        centroids[used] = sums[used] / np.maximum(np.linalg.norm(sums[used], axis=1, keepdims=True), 1e-12)
    return centroids


def _nearest(vectors: Vectors, centroids: Vectors) -> Lists:
    found = [
        np.argmax(vectors[begin : begin + _BATCH] @ centroids.T, axis=1) for begin in range(0, len(vectors), _BATCH)
    ]
    return np.concatenate([np.empty(0, np.int64), *found]).astype(np.int32)

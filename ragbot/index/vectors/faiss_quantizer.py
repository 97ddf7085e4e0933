"""How many vectors are searched how: exactly while they are few, by codes of two bits a dimension when they are many.

A product quantizer (Jégou et al. 2011) of two dimensions and 16 centroids a part: its distance table fits registers,
where FAISS looks 32 codes up at once ("fast scan", André et al. 2015), some ten times as fast as a byte a dimension. It
is trained once, on an evenly spread sample and from a fixed seed, so that the same vectors give the same quantizer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ragbot.index.container import read_container, write_container
from ragbot.index.vectors.base import Floats
from ragbot.models.embedders.base import Vectors

KIND = "vector-product-quantizer"
#: Vectors from which on there are codes, and about where they become the faster kind (eval.benchmarks.vector_sizes).
CODES_FROM = 12_000
#: Vectors that :meth:`Quantizer.train` wants.
SAMPLE = 16_384
BITS = 4
#: Centroids of a part; FAISS refuses to learn from fewer vectors.
_CENTROIDS = 1 << BITS

Codes = npt.NDArray[np.uint8]


def coded(count: int, now: bool | None = None) -> bool:
    """Whether ``count`` vectors get codes; an index that has them gives them up only below half of the bound."""
    return count >= (CODES_FROM // 2 if now else CODES_FROM)


class Quantizer:
    """Makes codes of vectors.

    Args:
        centroids: of each part of the vector, ``(parts, 16, dimensions of a part)`` float32.
    """

    def __init__(self, centroids: Floats) -> None:
        import faiss

        self.centroids = centroids
        self.parts, _, width = centroids.shape
        self.dimension = self.parts * width
        self._codec: Any = faiss.ProductQuantizer(self.dimension, self.parts, BITS)
        faiss.copy_array_to_vector(centroids.ravel(), self._codec.centroids)

    @property
    def description(self) -> str:
        """``pq192x4``: the number of parts, and the bits of each."""
        return f"pq{self.parts}x{BITS}"

    @classmethod
    def train(cls, sample: Vectors) -> Quantizer:
        """Learn the centroids from a sample in a fixed order; not from nothing."""
        import faiss

        dimension = sample.shape[1]
        parts = dimension // 2 if dimension % 2 == 0 else dimension
        codec: Any = faiss.ProductQuantizer(dimension, parts, BITS)
        codec.cp.min_points_per_centroid = 1  # a small sample is no reason to warn
        faiss.omp_set_num_threads(1)  # hundreds of small problems: where a core is busy, two take ten times as long
        codec.train(np.ascontiguousarray(np.resize(sample, (max(len(sample), _CENTROIDS), dimension)), np.float32))
        return cls(faiss.vector_to_array(codec.centroids).reshape(parts, _CENTROIDS, dimension // parts).copy())

    def encode(self, vectors: Vectors) -> Codes:
        """Two parts a byte."""
        import faiss

        faiss.omp_set_num_threads(1)
        codes: Codes = self._codec.compute_codes(np.ascontiguousarray(vectors, np.float32))
        return codes

    def write(self, path: Path) -> None:
        """Store it. Raises StorageError."""
        write_container(path, KIND, {}, {"centroids": self.centroids})

    @classmethod
    def read(cls, path: Path) -> Quantizer:
        """A stored one. Raises CorruptError or FileNotFoundError."""
        return cls(read_container(path, KIND)[1]["centroids"].copy())

"""Fuse dense and lexical scores by how far each stands out of its own collection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


#: A deviation below this is what rounding leaves of equal scores.
_NO_SPREAD = 1e-4


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and standard deviation of a score over the whole collection, or over that part of it for each score."""

    mean: float | Floats
    deviation: float | Floats

    def standardize(self, scores: Floats) -> Floats:
        """Scores in standard deviations above the mean; zeros where all scores of the collection are equal."""
        spread = np.maximum(self.deviation, _NO_SPREAD)
        standardized: Floats = ((scores - self.mean) / spread * (np.asarray(self.deviation) > _NO_SPREAD)).astype(
            np.float32
        )
        return standardized


def fuse(dense: Floats, lexical: Floats, dense_weight: float) -> Floats:
    """Weighted sum of standardized scores; where no chunk holds a term of the question, the dense score alone."""
    if not lexical.any():
        return dense
    fused: Floats = dense_weight * dense + (1 - dense_weight) * lexical
    return fused

"""Fuse dense and lexical scores by how far each stands out of its own collection; by rank, for comparison.

Normalisations, weights and the share that counts as full evidence are measured by ``python -m eval.benchmarks.fusion``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
FusionName = Literal["z", "rrf"]


#: A deviation below this is what rounding leaves of equal scores.
_NO_SPREAD = 1e-4
#: The best hit's share of all that a question's words could score, from which lexical evidence counts in full. Below
#: is hardly a question in the language of the documents (one in a hundred below .2), and most in another (half below .07).
FULL_EVIDENCE = 0.16
#: The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009).
RRF_CONSTANT = 60


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


def evidence(best: float, ceiling: float) -> float:
    """How much lexical scores count, in [0, 1]: in full where the best hit holds a fair share of the question.

    Where next to no word of the question stands anywhere, as between languages, the few that do are so rare that one of
    them alone lies tens of standard deviations above the mean.

    Args:
        best: the highest lexical score.
        ceiling: the score of a chunk that holds each term of the question once.
    """
    return min(1.0, best / ceiling / FULL_EVIDENCE) if ceiling > 0 else 0.0


def fuse(dense: Floats, lexical: Floats, dense_weight: float) -> Floats:
    """Weighted sum of standardized scores; where no chunk holds a term of the question, the dense score alone."""
    if not lexical.any():
        return dense
    fused: Floats = dense_weight * dense + (1 - dense_weight) * lexical
    return fused


def reciprocal_ranks(ranks: Floats, found: npt.NDArray[np.bool_]) -> Floats:
    """What one ranking adds to a fusion by rank: ``1 / (60 + rank)``, ranks from 1, and nothing for what it has not
    found."""
    shares: Floats = (found / (RRF_CONSTANT + ranks)).astype(np.float32)
    return shares

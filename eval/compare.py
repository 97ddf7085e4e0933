"""Statistics of paired and grouped measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95% bootstrap interval, and how many questions and groups it rests on."""

    mean: float
    low: float
    high: float
    questions: int
    groups: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}] (n={self.questions}, {self.groups} documents)"


def bootstrap(values: Sequence[float], groups: Sequence[int], rounds: int = 2_000, seed: int = 0) -> Interval:
    """The mean of ``values`` and its 95% percentile interval, resampling whole groups (Field & Welsh 2007).

    Questions about one document are not independent: resampling them one by one gives intervals that are too narrow.

    Args:
        values: one measurement a question.
        groups: the document that each question is about.
    """
    array, owner = np.asarray(values, np.float64), np.asarray(groups)
    names, index = np.unique(owner, return_inverse=True)
    sums = np.bincount(index, array, len(names))
    counts = np.bincount(index, minlength=len(names))
    picks = np.random.default_rng(seed).integers(0, len(names), (rounds, len(names)))
    means = sums[picks].sum(axis=1) / counts[picks].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(array.mean()), float(low), float(high), len(array), len(names))

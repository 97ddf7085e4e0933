"""Whether the confidence is worth something: does it tell right from wrong, and does it mean what it says?

All functions take one value for each question and are vectorised, because a bootstrap calls them thousands of times.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = Sequence[float] | NDArray[np.float64]
Outcomes = Sequence[bool] | Sequence[float] | NDArray[np.bool_] | NDArray[np.float64]
Array = NDArray[np.float64]


class Bin(NamedTuple):
    """Questions of like confidence; the first two are nan where there are none."""

    confidence: float
    frequency: float
    questions: int


def auroc(confidence: Values, answerable: Outcomes) -> float:
    """Chance that an answerable question has a higher confidence than an unanswerable one; equal counts half.

    The area under the ROC curve as the Mann-Whitney statistic (Hanley & McNeil 1982): 1 separates, 0.5 is a coin.
    nan unless both kinds of question are there.

    Raises:
        ValueError: not one outcome for each confidence, or a nan.
    """
    scores, outcomes = _paired(confidence, answerable)
    positive = outcomes > 0
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return nan
    _, index, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[index]  # from 1; equal scores share their mean rank
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def risk_coverage(confidence: Values, correct: Outcomes) -> tuple[Array, Array]:
    """The risk of answering only the surest questions (El-Yaniv & Wiener 2010, JMLR 11).

    Args:
        confidence: the higher, the sooner the question is answered.
        correct: how right the answer is, from 0 to 1.

    Returns:
        ``(coverage, risk)``: after each question the share answered, and the mean of ``1 - correct`` of these. Among
        equal confidences the order is chance, so each stands for their mean. Empty where there are no questions.

    Raises:
        ValueError: not one outcome for each confidence, or a nan.
    """
    scores, right = _paired(confidence, correct)
    _, index, counts = np.unique(-scores, return_inverse=True, return_counts=True)
    losses = np.bincount(index, 1 - right, len(counts)) / counts
    answered = np.arange(1, len(scores) + 1, dtype=np.float64)
    return answered / max(len(scores), 1), np.cumsum(np.repeat(losses, counts)) / answered


def aurc(confidence: Values, correct: Outcomes) -> float:
    """Area under the risk-coverage curve: the mean of its risks (Geifman et al. 2019, https://arxiv.org/abs/1805.08206).

    0 is perfect; a useless confidence gives the error rate. nan without questions.

    Raises:
        ValueError: not one outcome for each confidence, or a nan.
    """
    _, risk = risk_coverage(confidence, correct)
    return float(risk.mean()) if len(risk) else nan


def expected_calibration_error(confidence: Values, outcome: Outcomes, bins: int = 10) -> float:
    """Mean distance of confidence and frequency over the bins, weighted by their questions, in [0, 1].

    Guo et al. 2017, section 2 (https://arxiv.org/abs/1706.04599), with bins of equal width. nan without questions.

    Raises:
        ValueError: a confidence outside [0, 1], not one outcome for each, or a nan.
    """
    counts, confidences, frequencies = _binned(confidence, outcome, bins)
    return float(np.abs(confidences - frequencies).sum() / counts.sum()) if counts.sum() else nan


def reliability(confidence: Values, outcome: Outcomes, bins: int = 10) -> list[Bin]:
    """The reliability diagram: for each bin its mean confidence, how often the outcome came true, and how many.

    The bins are of equal width and include their upper end; the first includes 0 as well.

    Raises:
        ValueError: a confidence outside [0, 1], not one outcome for each, or a nan.
    """
    counts, confidences, frequencies = _binned(confidence, outcome, bins)
    return [
        Bin(float(c / n), float(f / n), int(n)) if n else Bin(nan, nan, 0)
        for n, c, f in zip(counts, confidences, frequencies, strict=True)
    ]


def _binned(confidence: Values, outcome: Outcomes, bins: int) -> tuple[NDArray[np.intp], Array, Array]:
    """Count, sum of the confidences and sum of the outcomes of each bin."""
    scores, true = _paired(confidence, outcome)
    if bins < 1:
        raise ValueError(f"bins is {bins}: give 1 or more")
    if not ((scores >= 0) & (scores <= 1)).all():
        wrong = scores[~((scores >= 0) & (scores <= 1))][0]
        raise ValueError(f"a confidence is {wrong}: calibration is about probabilities, from 0 to 1")
    index = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], scores)  # left: a score on an edge stays below it
    confidences, frequencies = (np.bincount(index, values, bins).astype(np.float64) for values in (scores, true))
    return np.bincount(index, minlength=bins), confidences, frequencies


def _paired(confidence: Values, outcome: Outcomes) -> tuple[Array, Array]:
    scores, outcomes = np.asarray(confidence, np.float64), np.asarray(outcome, np.float64)
    if scores.shape != outcomes.shape or scores.ndim != 1:
        raise ValueError(f"{scores.shape} confidences and {outcomes.shape} outcomes: give one outcome for each")
    if np.isnan(scores).any() or np.isnan(outcomes).any():
        raise ValueError("a confidence or an outcome is nan: leave the questions out that have none")
    return scores, outcomes

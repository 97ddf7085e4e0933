"""Statistics of paired and grouped measurements: intervals, tests, and what a comparison could have found.

The unit is the document. Questions about one document share its difficulty: taken for independent, they promise an
accuracy that is not there. Values are those of single questions, and means are over questions; documents with many
questions therefore weigh more, in the means and in every interval and test alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence

import numpy as np

from eval.compare_power import FloatArray, detectable, least_p, power
from eval.compare_resampling import (
    EXACT,
    IndexArray,
    clustered_error,
    exchange_p,
    mean_draws,
    number,
    percentile_interval,
    sign_flip_p,
    statistic_draws,
)
from eval.compare_results import Difference, Interval
from eval.compare_results import difference as difference_of

__all__ = [
    "Difference",
    "IndexArray",
    "Interval",
    "bootstrap",
    "bootstrap_statistic",
    "detectable",
    "holm",
    "paired",
    "paired_statistic",
    "power",
    "standard_error",
]

Values = Sequence[float] | FloatArray


def bootstrap(values: Values, groups: Sequence[Hashable], rounds: int = 2_000, seed: int = 0) -> Interval:
    """The mean of ``values`` and its 95% interval, resampling whole groups (Field & Welsh 2007).

    Percentiles expanded for few groups, see :func:`eval.compare_resampling.percentile_interval`. With n groups no
    bootstrap covers more than 1 - 2^(1 - n): 75% for 3, 94% for 5. With one, the interval is the mean itself.

    Args:
        values: one measurement a question.
        groups: the document that each question is about.
        rounds: draws.
        seed: the same gives the same interval.

    Raises:
        ValueError: there are no values, some are not finite, or not as many as ``groups``.
    """
    array, index, count = _checked(groups, values)
    low, high = percentile_interval(mean_draws(index, count, array, rounds, seed), count)
    return Interval(float(array.mean()), low, high, len(array), count)


def bootstrap_statistic(
    statistic: Callable[[IndexArray], float], groups: Sequence[Hashable], rounds: int = 1_000, seed: int = 0
) -> Interval:
    """A metric of a whole set (AUROC, calibration error) and its 95% interval, resampling whole groups.

    Args:
        statistic: gets row numbers, repeated where a group was drawn twice; nan where it has no value. Such draws are
            left out; where most are, the interval is nan.
        groups: the document that each row is about.
        rounds: draws, one call each.
        seed: the same gives the same interval.

    Raises:
        ValueError: there are no rows.
    """
    index, count = _numbered(groups)
    low, high = percentile_interval(statistic_draws([statistic], index, count, rounds, seed)[:, 0], count)
    return Interval(float(statistic(np.arange(len(index)))), low, high, len(index), count)


def paired(
    a: Values, b: Values, groups: Sequence[Hashable], rounds: int = 2_000, seed: int = 0, flips: int = 10_000
) -> Difference:
    """Compare two systems by their values for the same questions.

    The interval draws documents with replacement. The test flips the sign of whole documents' differences (Fisher
    1935, section 21): under the hypothesis that nothing tells the systems apart, either could have been a. Its
    statistic is the sum of the differences: the number of questions is the same in every flip, so that the sum orders
    the flips as the mean over questions does, however unequal the documents are; equal sums are told apart by the
    mean of the documents' means (see :func:`eval.compare_resampling.sign_flip_p`). Up to 2^14 patterns are enumerated;
    beyond that ``flips`` random ones are drawn, with the observed one counted among them.

    Args:
        a: values of the first system, one a question.
        b: values of the second, in the same order.
        groups: the document that each question is about.
        rounds: bootstrap draws.
        seed: the same gives the same result.
        flips: random sign patterns where there are too many to enumerate.

    Raises:
        ValueError: there are no values, some are not finite, or the lengths differ.
    """
    first, index, count = _checked(groups, a)
    second, _, _ = _checked(groups, b)
    change = second - first
    return difference_of(
        float(first.mean()),
        float(second.mean()),
        percentile_interval(mean_draws(index, count, change, rounds, seed), count),
        sign_flip_p(index, count, change, flips, seed),
        clustered_error(change, index, count),
        least_p(count) if count <= EXACT else 1 / (flips + 1),
        (len(change), count),
    )


def paired_statistic(
    statistic: Callable[[FloatArray], float],
    a: FloatArray,
    b: FloatArray,
    groups: Sequence[Hashable],
    rounds: int = 1_000,
    seed: int = 0,
    exchanges: int = 1_000,
) -> Difference:
    """Compare two systems by a metric of a whole set (AUROC, calibration error) on the same questions.

    The interval draws documents with replacement, for both systems at once. The test exchanges the systems' rows for
    whole documents. It asks whether anything tells the systems apart, their scale included: where only the order of a
    column matters (AUROC), give each system's ranks (Venkatraman & Begg 1996).

    Args:
        statistic: gets rows (questions, columns) or (questions,), such as confidence and outcome; nan where it has no
            value. Draws and exchanges without a value are left out; where most are, the interval or p is nan.
        a: the rows of the first system.
        b: the rows of the second, in the same order.
        groups: the document that each row is about.
        rounds: bootstrap draws, two calls each.
        seed: the same gives the same result.
        exchanges: how many; where documents allow no more than that, all are gone through.

    Raises:
        ValueError: there are no rows, or the lengths differ.
    """
    index, documents = _numbered(groups)
    if not len(a) == len(b) == len(index):
        raise ValueError(f"{len(a)} and {len(b)} rows for {len(index)} groups: give one of each a question")
    both = statistic_draws([lambda at: statistic(a[at]), lambda at: statistic(b[at])], index, documents, rounds, seed)
    drawn = both[:, 1] - both[:, 0]
    interval = percentile_interval(drawn, documents)
    error = math.nan
    if documents > 1 and not math.isnan(interval[0]):
        # The bootstrap divides the squares by the number of documents, not by one less.
        error = float(np.nanstd(drawn)) * math.sqrt(documents / (documents - 1))
    return difference_of(
        float(statistic(a)),
        float(statistic(b)),
        interval,
        exchange_p(statistic, a, b, index, exchanges, seed),
        error,
        max(least_p(documents), 1 / (exchanges + 1)),
        (len(index), documents),
    )


def standard_error(differences: Values, groups: Sequence[Hashable]) -> float:
    """Standard error of the mean over questions, clustered by document (Liang & Zeger 1986, linearised ratio).

    It is the root of G / (G - 1) times the sum of squared residual sums of the G documents, over the number of
    questions; for documents of one size, the standard deviation of their means over sqrt(G).

    Returns:
        In units of the values; nan for fewer than 2 documents.

    Raises:
        ValueError: there are no values, some are not finite, or not as many as ``groups``.
    """
    return clustered_error(*_checked(groups, differences))


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p values that keep the chance of any false finding below the level (Holm 1979), in the given order.

    nan (no test was made) stays nan and does not count as a test.
    """
    order = sorted((value, place) for place, value in enumerate(p) if not math.isnan(value))
    adjusted = [math.nan] * len(p)
    least = 0.0
    for done, (value, place) in enumerate(order):
        least = max(least, min(1.0, (len(order) - done) * value))
        adjusted[place] = least
    return adjusted


def _numbered(groups: Sequence[Hashable]) -> tuple[IndexArray, int]:
    if not len(groups):
        raise ValueError(
            "there is no question to measure: leave the metric out, or check how the questions were chosen"
        )
    return number(groups)


def _checked(groups: Sequence[Hashable], values: Values) -> tuple[FloatArray, IndexArray, int]:
    array = np.asarray(values, np.float64)
    index, count = _numbered(groups)
    if array.shape != (len(index),):
        raise ValueError(f"{len(array)} values for {len(index)} groups: give one of each a question")
    wrong = np.flatnonzero(~np.isfinite(array))
    if len(wrong):
        raise ValueError(f"value {wrong[0]} is {array[wrong[0]]}: leave questions without a value out, of both systems")
    return array, index, count

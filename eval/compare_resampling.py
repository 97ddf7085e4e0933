"""Documents drawn again and signs flipped: what the intervals and the tests of :mod:`eval.compare` are made of.

Questions about one document are alike, so it is the document that is drawn or flipped, never the question.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from eval.compare_power import FloatArray, t_quantile

IndexArray = npt.NDArray[np.intp]
#: Up to 2^14 sign patterns are gone through one by one; more are sampled.
EXACT = 14
#: Weight of the tie-breaking statistic: far below the step of a sum of right answers, far above rounding.
TIEBREAK = 1e-4
#: Cells of a block of draws: 16 MB, so that sets of thousands of documents do not fill the memory.
BLOCK = 2_000_000


def number(groups: Sequence[Hashable]) -> tuple[IndexArray, int]:
    """Number the groups from 0, and count them. Sorted, so that the order of the rows does not change a draw."""
    try:
        names: list[Hashable] = sorted(set(groups))  # type: ignore[type-var]
    except TypeError:  # mixed kinds have no order: as they come
        names = list(dict.fromkeys(groups))
    numbers = {name: position for position, name in enumerate(names)}
    return np.fromiter((numbers[name] for name in groups), np.intp, len(groups)), len(names)


def draws(groups: int, rounds: int, seed: int) -> Iterator[IndexArray]:
    """``rounds`` bootstrap draws of ``groups`` group numbers with replacement, in blocks of shape (some, groups)."""
    rng = np.random.default_rng(seed)
    step = max(1, BLOCK // groups)
    for start in range(0, rounds, step):
        yield rng.integers(0, groups, (min(step, rounds - start), groups))


def flips(groups: int, count: int, seed: int) -> Iterator[npt.NDArray[np.int8]]:
    """``count`` random patterns of 0 (keep) and 1 (flip), in blocks of shape (some, groups)."""
    rng = np.random.default_rng([seed, 1])  # not the stream of the bootstrap
    step = max(1, BLOCK // groups)
    for start in range(0, count, step):
        yield rng.integers(0, 2, (min(step, count - start), groups), np.int8)


def members(index: IndexArray, groups: int) -> list[IndexArray]:
    """The row numbers of each group."""
    return np.split(np.argsort(index, kind="stable"), np.cumsum(np.bincount(index, minlength=groups))[:-1])


def mean_draws(index: IndexArray, groups: int, values: FloatArray, rounds: int, seed: int) -> FloatArray:
    """Means over the questions of the drawn groups, shape (rounds,): drawn sums over drawn counts."""
    sums, counts = np.bincount(index, values, groups), np.bincount(index, minlength=groups)
    return np.concatenate(
        [sums[picks].sum(axis=1) / counts[picks].sum(axis=1) for picks in draws(groups, rounds, seed)]
    )


def statistic_draws(
    statistics: Sequence[Callable[[IndexArray], float]], index: IndexArray, groups: int, rounds: int, seed: int
) -> FloatArray:
    """The statistics of the rows of the drawn groups, shape (rounds, statistics)."""
    rows = members(index, groups)
    drawn = (np.concatenate([rows[g] for g in pick]) for block in draws(groups, rounds, seed) for pick in block)
    return np.array([[statistic(at) for statistic in statistics] for at in drawn], np.float64)


def percentile_interval(drawn: FloatArray, groups: int) -> tuple[float, float]:
    """The 95% interval of bootstrap draws: percentiles, moved outwards for few groups (Hesterberg 2015).

    The bootstrap's spread is too small by sqrt((n - 1) / n), and it knows nothing of the tails of Student's t. The
    percentiles are therefore taken at Phi(-+ sqrt(n / (n - 1)) t_{.975, n-1}) instead of 2.5 and 97.5. An interval
    stays within what documents can give, hence within [0, 1] for a share. Coverage by simulation, plain and expanded:
    `python -m eval.benchmarks.statistics_check`.

    nan draws, of a statistic without a value, are left out; both ends are nan where they are the most.
    """
    valid = drawn[~np.isnan(drawn)]
    if 2 * len(valid) < len(drawn):
        return math.nan, math.nan
    tail = 0.025 if groups < 2 else NormalDist().cdf(-math.sqrt(groups / (groups - 1)) * t_quantile(0.975, groups - 1))
    low, high = np.percentile(valid, [100 * tail, 100 * (1 - tail)])
    return float(low), float(high)


def clustered_error(values: FloatArray, index: IndexArray, groups: int) -> float:
    """See :func:`eval.compare.standard_error`; 0 where only rounding makes the groups differ."""
    if groups < 2:
        return math.nan
    residuals = np.bincount(index, values - values.mean(), groups)
    error = math.sqrt(groups / (groups - 1) * float((residuals**2).sum())) / len(values)
    return error if error > 1e-12 * float(np.abs(values).max()) else 0.0


def sign_flip_p(index: IndexArray, groups: int, differences: FloatArray, count: int, seed: int) -> float:
    """Two-sided p of the hypothesis that each group's summed difference could as well have the other sign.

    Exact where at most ``EXACT`` groups differ at all, else by ``count`` random patterns, the observed one counted
    among them (Phipson & Smyth 2010), which keeps the level.

    Right and wrong answers make whole sums, so that many patterns tie with the observed one; counted as extreme, they
    turn a test at 5% into one at 3.2% with 20 documents (4.6% without ties). Ties are therefore broken by the mean of the groups' means,
    in the direction of the sum: any statistic keeps the level, as it is the same for every pattern.
    """
    sums = np.bincount(index, differences, groups)
    kept = np.abs(sums) > 1e-12 * np.abs(differences).max()  # the others change nothing
    moving = (sums + TIEBREAK * sums / np.bincount(index, minlength=groups))[kept]
    slack = 1e-12 * np.abs(moving).sum()  # true ties are ties, whatever the order of a sum
    limit = abs(moving.sum()) - slack
    if len(moving) <= EXACT:
        totals = np.zeros(1)
        for value in moving:
            totals = np.concatenate([totals + value, totals - value])
        return float(np.mean(np.abs(totals) >= limit))
    total = moving.sum()
    extreme = sum(
        int((np.abs(total - 2 * (pattern @ moving)) >= limit).sum()) for pattern in flips(len(moving), count, seed)
    )
    return (extreme + 1) / (count + 1)


def exchange_p(
    statistic: Callable[[FloatArray], float], a: FloatArray, b: FloatArray, index: IndexArray, count: int, seed: int
) -> float:
    """Two-sided p of the hypothesis that each group's rows could as well come from the other system.

    Exact where at most ``count`` exchanges are different, else ``count`` random ones and the observed one. Exchanging
    every group only changes the sign of the difference, so that one group may stay as it is.
    """
    observed = abs(statistic(b) - statistic(a))
    if math.isnan(observed):
        return math.nan
    unlike = np.flatnonzero(np.bincount(index, (a != b).reshape(len(index), -1).any(axis=1)))
    free = max(0, len(unlike) - 1)
    exact = free < 60 and 2**free <= count
    number_of_groups = int(index.max()) + 1
    patterns = _every_pattern(free) if exact else (row for block in flips(len(unlike), count, seed) for row in block)
    seen = []
    for pattern in patterns:
        exchanged = np.zeros(number_of_groups, bool)
        exchanged[unlike[len(unlike) - len(pattern) :]] = pattern
        rows = exchanged[index].reshape(-1, *(1,) * (a.ndim - 1))
        seen.append(abs(statistic(np.where(rows, a, b)) - statistic(np.where(rows, b, a))))
    valid = np.array(seen)[~np.isnan(seen)]
    if 2 * len(valid) < len(seen):
        return math.nan
    extreme = int((valid >= observed - 1e-9 * max(1.0, observed)).sum())
    return extreme / len(valid) if exact else (extreme + 1) / (len(valid) + 1)


def _every_pattern(groups: int) -> IndexArray:
    return np.arange(2**groups)[:, None] >> np.arange(groups) & 1

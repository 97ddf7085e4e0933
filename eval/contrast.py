"""Run against run: for each metric and slice better, worse or undecided, and the questions that flipped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from eval.compare import Difference, holm, paired, paired_statistic
from eval.metrics.table import METRICS
from eval.records import Row, Run
from eval.summary import ALL, FEWEST, WHOLE, Outcome, confidences, slices
from ragbot.errors import EvaluationError

Judgement = Literal["better", "worse", "undecided", "identical"]
#: Two-sided level of the tests, after Holm's correction.
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the second run does to a metric. ``p_adjusted`` is Holm's, over the metrics of ``all``, or over all slices;
    times and tokens are corrected among themselves."""

    metric: str
    slice: str
    difference: Difference
    p_adjusted: float
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Flip:
    """A question whose outcome changed."""

    id: str
    question: str
    metric: str
    before: float
    after: float
    change: Literal["gained", "lost"]


@dataclass(frozen=True)
class Contrast:
    """All verdicts and flips of run ``b`` against run ``a``, over the questions that both were asked."""

    a: str
    b: str
    questions: int
    only_a: int
    only_b: int
    same_questions: bool
    verdicts: tuple[Verdict, ...]
    flips: tuple[Flip, ...]


def contrast(a: Run, b: Run, metrics: Sequence[str] | None = None, rounds: int = 2_000) -> Contrast:
    """Compare ``b`` with ``a``, question by question.

    Args:
        metrics: which; default: the primary ones that both have. Metrics of a whole set (AUROC) are compared over all
            questions, and not within slices.

    Raises:
        EvaluationError: they share no question, or a metric is not known.
    """
    chosen = _chosen(metrics)
    before, after = ({row.question.id: row for row in run.rows} for run in (a, b))
    shared = [(before[name], row) for name, row in after.items() if name in before]
    if not shared:
        raise EvaluationError(
            f"the runs {a.name!r} and {b.name!r} have no question in common: run both on the same set"
        )
    # The newer run's tags: a baseline may have been stored before a tag was added.
    verdicts = []
    for family, measured in _families(shared, chosen):
        cells = [
            (metric, name, difference)
            for name, indices in family
            for metric in measured
            if (difference := _difference([shared[i] for i in indices], metric, name, rounds))
        ]
        adjusted = holm([difference.p for _, _, difference in cells])
        verdicts += [
            Verdict(metric, name, difference, p, _judge(metric, difference, p))
            for (metric, name, difference), p in zip(cells, adjusted, strict=True)
        ]
    order = list(dict.fromkeys(verdict.slice for verdict in verdicts))
    verdicts.sort(key=lambda verdict: order.index(verdict.slice))  # a slice's times stand behind its quality
    return Contrast(
        a.name,
        b.name,
        len(shared),
        len(before) - len(shared),
        len(after) - len(shared),
        a.manifest["dataset"].get("sha256") == b.manifest["dataset"].get("sha256"),
        tuple(verdicts),
        tuple(_flips(shared, chosen)),
    )


def needed_documents(found: Contrast) -> int:
    """How many documents it takes for one metric alone to be found worse; 0 where there are enough.

    The smallest p of the sign-flip test is 2^(1 - documents), and Holm multiplies the smallest of several p by their
    number.
    """
    tests = [v for v in found.verdicts if v.slice == ALL and METRICS[v.metric].kind != "cost"]
    if not tests or min(v.difference.least_p for v in tests) * len(tests) < ALPHA:
        return 0
    return math.floor(1 + math.log2(len(tests) / ALPHA)) + 1


def regressions(found: Contrast, significant: bool = True) -> list[Verdict]:
    """The metrics over all questions that became worse; with ``significant=False`` any fall counts. Never times."""
    worse = []
    for verdict in found.verdicts:
        metric = METRICS[verdict.metric]
        if verdict.slice != ALL or metric.kind == "cost":
            continue
        fell = verdict.difference.difference * (1 if metric.higher_is_better else -1) < -1e-9
        if verdict.judgement == "worse" or (not significant and fell):
            worse.append(verdict)
    return worse


def _chosen(metrics: Sequence[str] | None) -> list[str]:
    if metrics is None:
        return [metric.name for metric in METRICS.values() if metric.primary]
    for name in metrics:
        if name not in METRICS:
            raise EvaluationError(f"no metric {name!r} to compare; there are: {', '.join(METRICS)}")
    return list(metrics)


def _families(
    shared: Sequence[tuple[Row, Row]], metrics: Sequence[str]
) -> list[tuple[list[tuple[str, list[int]]], list[str]]]:
    """The tests that are corrected together: slices and metrics.

    Quality over all questions, by itself: neither the slices, which only explore, nor times, which another load on the
    machine changes, may cost it power.
    """
    found = slices([row.question for _, row in shared])
    whole = [(ALL, found.pop(ALL))]
    quality = [name for name in metrics if METRICS[name].kind != "cost"]
    cost = [name for name in metrics if METRICS[name].kind == "cost"]
    parts = list(found.items())
    return [(whole, quality), (whole, cost), (parts, quality), (parts, cost)]


def _difference(pairs: Sequence[tuple[Row, Row]], metric: str, name: str, rounds: int) -> Difference | None:
    if METRICS[metric].whole:
        return _whole(pairs, metric) if name == ALL else None
    both = [(old, new) for old, new in pairs if metric in old.metrics and metric in new.metrics]
    if not both or (name != ALL and len(both) < FEWEST):
        return None
    return paired(
        [old.metrics[metric] for old, _ in both],
        [new.metrics[metric] for _, new in both],
        [new.question.document for _, new in both],
        rounds,
    )


def _whole(pairs: Sequence[tuple[Row, Row]], metric: str) -> Difference | None:
    compute, outcome = WHOLE[metric]
    both = [pair for pair in pairs if all(confidences([row], judged=outcome == "right")[0] for row in pair)]
    if not both:
        return None

    def value(rows: npt.NDArray[np.float64]) -> float:
        return compute(rows[:, 0], rows[:, 1] > 0.5)

    a, b = (_columns([pair[side] for pair in both], outcome) for side in (0, 1))
    if np.isnan(value(a)) or np.isnan(value(b)):
        return None
    return paired_statistic(value, a, b, [new.question.document for _, new in both])


def _columns(rows: Sequence[Row], outcome: Outcome) -> npt.NDArray[np.float64]:
    sure, answerable, right, _ = confidences(rows)
    # Ranks, where only the order counts: two systems need not mean the same by 0.9.
    first = rankdata(sure) if outcome == "answerable, by rank" else sure
    return np.column_stack([first, right if outcome == "right" else answerable]).astype(np.float64)


def rankdata(values: Sequence[float]) -> npt.NDArray[np.float64]:
    """Ranks from 0 to 1, equal values the mean of theirs."""
    array = np.asarray(values)
    below, upto = (np.searchsorted(np.sort(array), array, side) for side in ("left", "right"))
    ranks: npt.NDArray[np.float64] = (below + upto - 1) / 2 / max(len(array) - 1, 1)
    return ranks


def _judge(metric: str, difference: Difference, p: float) -> Judgement:
    if difference.difference == 0 and difference.p == 1 and difference.low == difference.high == 0:
        return "identical"
    if not p < ALPHA:
        return "undecided"
    return "better" if (difference.difference > 0) == METRICS[metric].higher_is_better else "worse"


def _flips(shared: Sequence[tuple[Row, Row]], metrics: Sequence[str]) -> list[Flip]:
    """Questions for which a yes-or-no metric (or an overlap, by half) changed; of the metrics compared."""
    flips = []
    for metric in metrics:
        if METRICS[metric].kind == "cost":
            continue
        for old, new in shared:
            if metric not in old.metrics or metric not in new.metrics:
                continue
            before, after = old.metrics[metric], new.metrics[metric]
            if (before >= 0.5) != (after >= 0.5):
                gained = (after > before) == METRICS[metric].higher_is_better
                flips.append(
                    Flip(new.question.id, new.question.text, metric, before, after, "gained" if gained else "lost")
                )
    return flips

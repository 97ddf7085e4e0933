"""From the rows of a run to its figures: each metric, for all questions and for each slice, with its interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from eval.compare import Interval, bootstrap, bootstrap_statistic
from eval.datasets.base import Question
from eval.metrics.refusals import aurc, auroc, expected_calibration_error
from eval.metrics.table import METRICS, Metric
from eval.records import Row

#: The slice of all questions.
ALL = "all"
#: Smaller slices say nothing.
FEWEST = 5
#: A tag with more values than this names the questions rather than groups them.
MOST_VALUES = 12


#: What a confidence is held against; ``by rank`` where only its order counts.
Outcome = Literal["answerable, by rank", "answerable", "right"]
#: The metrics of a whole set: from confidences and outcomes to the value.
WHOLE: dict[str, tuple[Callable[[npt.NDArray[Any], npt.NDArray[Any]], float], Outcome]] = {
    "auroc": (auroc, "answerable, by rank"),
    "ece": (expected_calibration_error, "answerable"),
    "aurc": (aurc, "right"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric over a slice (``all`` or ``key=value``); for times also the median and the 95th percentile."""

    metric: str
    slice: str
    interval: Interval
    p50: float | None = None
    p95: float | None = None


def summarize(rows: Sequence[Row], rounds: int = 2_000) -> list[Figure]:
    """Every metric that some row has, for every slice; in the order of the table of metrics, ``all`` first."""
    figures = []
    for name, indices in slices([row.question for row in rows]).items():
        chosen = [rows[i] for i in indices]
        for metric in METRICS.values():
            figure = _whole(metric, name, chosen, rounds) if metric.whole else _mean(metric, name, chosen, rounds)
            if figure:
                figures.append(figure)
    return figures


def slices(questions: Sequence[Question]) -> dict[str, list[int]]:
    """The slices with the positions of their questions: ``all``, then by language, answerability and each tag.

    A key is left out where it does not divide the questions, or divides them into very many.
    """
    found: dict[str, list[int]] = {ALL: list(range(len(questions)))}
    keys: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, question in enumerate(questions):
        values = {"language": question.language, "answerable": "yes" if question.answerable else "no", **question.tags}
        for key, value in values.items():
            if value:
                keys[key][value].append(index)
    for key, groups in keys.items():
        if 2 <= len(groups) <= MOST_VALUES:
            found.update({f"{key}={value}": at for value, at in sorted(groups.items()) if len(at) >= FEWEST})
    return found


def confidences(rows: Sequence[Row], judged: bool = False) -> tuple[list[float], list[bool], list[bool], list[str]]:
    """Of the rows that have a confidence: it, whether the question is answerable, whether the outcome was right, the document.

    Right is an answer that holds the gold words. Whatever an unanswerable question is told is wrong, as if there were
    no threshold, and so is the refusal of an answerable one.

    Args:
        judged: leave out the answerable questions that no gold answer decides.
    """
    sure, answerable, right, documents = [], [], [], []
    for row in rows:
        if row.response is None or row.response.confidence is None:
            continue
        if judged and row.question.answerable and "contains" not in row.metrics:
            continue
        sure.append(row.response.confidence)
        answerable.append(row.question.answerable)
        right.append(row.question.answerable and row.metrics.get("contains", 0.0) > 0)
        documents.append(row.question.document)
    return sure, answerable, right, documents


def encode(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Figures as JSON."""
    return [asdict(figure) for figure in figures]


def _mean(metric: Metric, name: str, rows: Sequence[Row], rounds: int) -> Figure | None:
    having = [row for row in rows if metric.name in row.metrics]
    if not having or (name != ALL and len(having) < FEWEST):
        return None
    values = [row.metrics[metric.name] for row in having]
    interval = bootstrap(values, [row.question.document for row in having], rounds)
    if metric.unit != "s":
        return Figure(metric.name, name, interval)
    p50, p95 = np.percentile(values, [50, 95])
    return Figure(metric.name, name, interval, float(p50), float(p95))


def _whole(metric: Metric, name: str, rows: Sequence[Row], rounds: int) -> Figure | None:
    compute, kind = WHOLE[metric.name]
    columns = confidences(rows, judged=kind == "right")
    sure, answerable, right, documents = (np.asarray(column) for column in columns)
    outcome = right if kind == "right" else answerable
    if len(sure) < FEWEST or np.isnan(compute(sure, outcome)):
        return None
    interval = bootstrap_statistic(lambda at: compute(sure[at], outcome[at]), documents.tolist(), min(rounds, 1000))
    return Figure(metric.name, name, interval)

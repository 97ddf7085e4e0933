"""What the benchmark of retrieval found, question by question, and the figures that are made of it.

A file for each set and system: a line about the system, then one for each question with the gold spans and the places
that were found. A file is there whole or not at all.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.benchmarks.retrieval_rivals_base import Search, System
from eval.datasets.base import Question
from eval.files import now, write_text
from eval.metrics.ranking import Place, answer_recall
from ragbot.errors import EvaluationError

BUDGETS = (500, 1000)
CUTOFF = 10
#: The metrics by the names that the tables give them.
RECALL_500, RECALL_1000, MRR = "answer recall@500", "answer recall@1000", "MRR@10"
METRICS = (RECALL_500, RECALL_1000, MRR)


@dataclass(frozen=True)
class Result:
    """One system on one set.

    Attributes:
        about: what the first line of the file says: the set, the system, how large it was, versions, the time.
        questions: the ids.
        groups: the article of each question, for resampling.
        values: of each question, by metric.
        characters: the mean length of a hit among the first ten.
    """

    about: Mapping[str, Any]
    questions: Sequence[str]
    groups: Sequence[str]
    values: Mapping[str, Sequence[float]]
    characters: float = 0.0

    @property
    def key(self) -> tuple[str, str]:
        """The set and the system."""
        return self.about["set"], self.about["system"]


def reciprocal_rank(hits: Sequence[Place], gold: Sequence[Place]) -> float:
    """One over the rank of the first of ten hits that holds a gold span whole; 0 if none does."""
    for rank, (source, start, end) in enumerate(hits[:CUTOFF], start=1):
        if any(source == wanted and start <= first and last <= end for wanted, first, last in gold):
            return 1 / rank
    return 0.0


def path_of(folder: Path, set_name: str, system: System) -> Path:
    """Where the result of a system on a set is kept."""
    return folder / f"{set_name}.{system.name}.jsonl"


def measure(
    folder: Path, set_name: str, system: System, search: Search, questions: Sequence[Question], about: Mapping[str, Any]
) -> Result:
    """Ask every question, and keep what was found.

    Args:
        folder: where results are kept.
        set_name: the set of the questions.
        system: what is measured.
        search: its search.
        questions: each with one gold item: any of its spans counts.
        about: what else belongs to the first line.

    Raises:
        EvaluationError: the file cannot be written.
    """
    header = {
        "set": set_name,
        "system": system.name,
        "configuration": system.configuration,
        "versions": {name: version(name) for name in system.packages},
        "time": now(),
        **about,
    }
    lines = [header]
    for question in questions:
        gold = [[span.source, span.start, span.end] for span in question.gold[0]]
        lines.append({"id": question.id, "document": question.document, "gold": gold, "hits": search(question.text)})
    path = path_of(folder, set_name, system)
    write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return read_result(path)


def version(package: str) -> str:
    """The version of an installed distribution; empty where there is none."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def read_result(path: Path) -> Result:
    """What :func:`measure` kept. Raises EvaluationError where the file is damaged."""
    try:
        about, *rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        values: dict[str, list[float]] = {metric: [] for metric in METRICS}
        lengths: list[int] = []
        for row in rows:
            hits, gold = ([(str(s), int(a), int(b)) for s, a, b in row[name]] for name in ("hits", "gold"))
            recall = answer_recall(hits, [gold], BUDGETS)
            found = (recall[BUDGETS[0]], recall[BUDGETS[1]], reciprocal_rank(hits, gold))
            for metric, value in zip(METRICS, found, strict=True):
                values[metric].append(value)
            lengths += [end - start for _, start, end in hits[:CUTOFF]]
        result = Result(about, [row["id"] for row in rows], [row["document"] for row in rows], values, mean(lengths))
        assert result.key and rows
    except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
        raise EvaluationError(f"{path} cannot be read ({error!r}): remove it, and run the benchmark again") from error
    return result


def mean(values: Sequence[float]) -> float:
    """Their mean; 0 for none."""
    return sum(values) / len(values) if values else 0.0


def read_results(folder: Path) -> list[Result]:
    """All results of a folder.

    Raises:
        EvaluationError: there are none, or one is damaged.
    """
    paths = sorted(folder.glob("*.*.jsonl"))
    if not paths:
        raise EvaluationError(f"{folder} holds no results: run python -m eval.benchmarks.retrieval_rivals first")
    return [read_result(path) for path in paths]

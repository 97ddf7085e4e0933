"""Figures by slice, and run against run."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from eval.baselines import read_baseline, write_baseline
from eval.compare import bootstrap
from eval.contrast import contrast, regressions
from eval.datasets.base import Question, QuestionSet
from eval.metrics.table import METRICS
from eval.records import Row, Run
from eval.responses import Response
from eval.scoring import Scorer
from eval.summary import summarize
from ragbot.errors import EvaluationError
from tests.eval.conftest import MANIFEST, right


def rows(accuracy: float, count: int = 200, documents: int = 40, seed: int = 0) -> tuple[Row, ...]:
    """Questions about some documents, right with a probability; zh and en in turn."""
    rng = random.Random(seed)
    found = []
    for n in range(count):
        question = Question(
            f"q{n}", f"question {n}", ("x",), document=f"d{n % documents}", language="zh" if n % 2 else "en",
            tags={"category": "abc"[n % 3], "unique": str(n), "same": "s"},
        )  # fmt: skip
        good = float(rng.random() < accuracy)
        response = Response("x", False, confidence=0.9 if good else 0.2, timings={"total": 0.1 * n})
        found.append(Row(question, response, {"contains": good, "mrr@10": good / 2, "seconds": 0.1 * n}))
    return tuple(found)


def run(name: str, found: tuple[Row, ...]) -> Run:
    return Run({**MANIFEST, "name": name}, found)


def test_figures_of_all_questions_and_of_each_slice() -> None:
    figures = {(figure.slice, figure.metric): figure for figure in summarize(rows(0.7), rounds=200)}
    whole = figures["all", "contains"].interval
    expected = [row.metrics["contains"] for row in rows(0.7)]
    assert whole == bootstrap(expected, [row.question.document for row in rows(0.7)], 200)
    assert (whole.questions, whole.groups) == (200, 40)
    english = [value for row, value in zip(rows(0.7), expected, strict=True) if row.question.language == "en"]
    assert figures["language=en", "contains"].interval.mean == pytest.approx(sum(english) / 100)
    slices = {name for name, _ in figures}
    # What is the same for all, or another for each, makes no slice; nor does a slice with one value.
    assert slices == {"all", "language=en", "language=zh", "category=a", "category=b", "category=c"}
    assert figures["all", "seconds"].p50 == pytest.approx(9.95) and figures["all", "seconds"].p95 == pytest.approx(
        18.905
    )
    assert figures["all", "contains"].p50 is None


def test_metrics_of_the_whole_set() -> None:
    found = rows(0.5)
    silent = tuple(
        Row(Question(f"n{n}", "?", answerable=False), Response("", True, confidence=0.1), {"refused": 1.0})
        for n in range(100)
    )
    figures = {(figure.slice, figure.metric): figure.interval for figure in summarize(found + silent, rounds=100)}
    assert figures["all", "auroc"].mean == 1.0  # every answerable question is above 0.1
    assert figures["all", "refused"].mean == 1.0 and figures["all", "refused"].questions == 100
    assert 0 <= figures["all", "ece"].mean <= 1 and 0 <= figures["all", "aurc"].mean <= 1
    assert ("answerable=no", "auroc") not in figures  # one kind alone cannot be told apart


def test_no_rows_no_figures() -> None:
    assert summarize([]) == []


def test_better_worse_and_undecided() -> None:
    base, good, same = run("a", rows(0.5)), run("b", rows(0.9, seed=1)), run("c", rows(0.5, seed=2))
    verdicts = {(v.metric, v.slice): v for v in contrast(base, good, rounds=200).verdicts}
    assert verdicts["contains", "all"].judgement == "better"
    assert verdicts["contains", "all"].difference.difference == pytest.approx(0.4, abs=0.1)
    assert verdicts["seconds", "all"].judgement == "identical"
    assert {v.metric for v in regressions(contrast(good, base, rounds=200))} == {"contains", "mrr@10"}
    undecided = contrast(base, same, rounds=200)
    assert next(v for v in undecided.verdicts if v.slice == "all").judgement == "undecided"
    assert regressions(undecided) == []


def test_slower_is_worse_but_no_regression() -> None:
    slow = tuple(replace(row, metrics={**row.metrics, "seconds": row.metrics["seconds"] + 5}) for row in rows(0.5))
    found = contrast(run("a", rows(0.5)), run("b", slow), rounds=200)
    assert {v.judgement for v in found.verdicts if v.metric == "seconds" and v.slice == "all"} == {"worse"}
    assert regressions(found) == []


def test_any_drop() -> None:
    changed = list(rows(0.5))
    at = next(n for n, row in enumerate(changed) if row.metrics["contains"] == 1)
    changed[at] = replace(changed[at], metrics={**changed[at].metrics, "contains": 0.0})
    found = contrast(run("a", rows(0.5)), run("b", tuple(changed)), rounds=200)
    assert regressions(found) == []
    assert [v.metric for v in regressions(found, significant=False)] == ["contains"]
    assert [(flip.id, flip.metric, flip.change) for flip in found.flips] == [(f"q{at}", "contains", "lost")]


def test_p_values_are_corrected_for_the_number_of_metrics() -> None:
    a, b = run("a", rows(0.5)), run("b", rows(0.62, seed=3))
    alone = contrast(a, b, ["contains"], rounds=200).verdicts[0]
    among = next(
        v for v in contrast(a, b, ["contains", "seconds", "mrr@10"], rounds=200).verdicts if v.metric == "contains"
    )
    assert alone.p_adjusted == alone.difference.p < among.p_adjusted


def test_only_shared_questions_are_compared() -> None:
    a, b = run("a", rows(0.5)), run("b", rows(0.5)[50:])
    found = contrast(a, b, rounds=100)
    assert (found.questions, found.only_a, found.only_b) == (150, 50, 0)
    assert {v.judgement for v in found.verdicts} == {"identical"} and found.same_questions
    other = Run({**MANIFEST, "name": "x", "dataset": {"sha256": "other"}}, rows(0.5))
    assert not contrast(a, other, rounds=100).same_questions
    with pytest.raises(EvaluationError, match="no question in common"):
        contrast(a, run("b", (Row(Question("z", "?")),)))


def test_metrics_of_the_whole_set_are_compared_over_all_questions() -> None:
    def confident(sure: float, silent: float, name: str) -> Run:
        rng = random.Random(5)
        found = [
            Row(Question(f"q{n}", "?", ("x",), answerable=n % 2 == 0, document=f"d{n // 4}"),
                Response("x", False, confidence=((sure if n % 2 == 0 else silent) + rng.random()) / 2), {"contains": 1.0})
            for n in range(200)
        ]  # fmt: skip
        return run(name, tuple(found))

    blind, seeing = confident(0.0, 0.0, "blind"), confident(0.9, 0.0, "seeing")
    (verdict,) = contrast(blind, seeing, ["auroc"], rounds=100).verdicts
    assert verdict.judgement == "better" and verdict.slice == "all"
    assert verdict.difference.a == pytest.approx(0.5, abs=0.1) and verdict.difference.b > 0.9
    assert verdict.difference.low > 0.2 and verdict.difference.p < 0.01
    assert [v.metric for v in regressions(contrast(seeing, blind, ["auroc", "ece"], rounds=100))] == ["auroc"]
    # Only the order counts for the AUROC: the same confidences on another scale are the same.
    half = Run(seeing.manifest, tuple(
        replace(row, response=replace(row.response, confidence=(row.response.confidence or 0) / 2))
        for row in seeing.rows if row.response))  # fmt: skip
    (same,) = contrast(seeing, half, ["auroc"], rounds=100).verdicts
    assert same.judgement == "identical"


def test_a_run_is_identical_to_its_own_baseline(questions: QuestionSet, texts: dict[str, str], tmp_path: Path) -> None:
    # Thirds and sevenths, which no decimal holds.
    scorer = Scorer(texts)
    found = []
    for n in range(60):
        question = replace(questions.questions[n % 3], id=str(n), document=f"d{n % 12}")
        said = Response("one two three 1889 Paris 嘉峪关 and more", False, quotes=())
        found.append(Row(question, said, scorer.score(question, said)))
    done = run("a", tuple(found))
    write_baseline(tmp_path / "b.json", done)
    compared = contrast(read_baseline(tmp_path / "b.json"), done, rounds=50)
    assert {verdict.judgement for verdict in compared.verdicts} == {"identical"}
    assert regressions(compared, significant=False) == []


def test_a_great_many_documents() -> None:
    many = rows(0.5, count=1300, documents=1300)
    a = run("a", many)
    b = run("b", tuple(replace(row, response=replace(row.response, confidence=0.5)) for row in many if row.response))
    silent = tuple(Row(Question(f"s{n}", "?", answerable=False), Response("", True, 0.3), {}) for n in range(50))
    found = contrast(replace(a, rows=(*a.rows, *silent)), replace(b, rows=(*b.rows, *silent)), ["auroc"], rounds=20)
    assert found.verdicts[0].difference.groups == 1350


def test_what_nothing_decides_is_not_taken_to_be_right() -> None:
    open_ended = [Row(Question(f"q{n}", "?"), Response("x", False, 0.9), {"answered": 1.0}) for n in range(20)]
    assert "aurc" not in {figure.metric for figure in summarize(open_ended, rounds=50)}


def test_unknown_metric() -> None:
    with pytest.raises(EvaluationError, match="no metric 'f2'"):
        contrast(run("a", rows(0.5)), run("b", rows(0.5)), ["f2"])


def test_real_rows(questions: QuestionSet, texts: dict[str, str]) -> None:
    scorer = Scorer(texts)
    found = [
        Row(question, right(question), scorer.score(question, right(question))) for question in questions.questions
    ]
    means = {figure.metric: figure.interval.mean for figure in summarize(found, rounds=50)}
    assert means["answered"] == means["refused"] == means["hit@1"] == means["citation_recall"] == 1
    assert set(means) <= set(METRICS)

"""A run's figures, two runs compared, and the runs that are stored."""

from __future__ import annotations

from pathlib import Path

from eval.contrast import contrast
from eval.datasets.base import Question
from eval.records import Row, Run
from eval.runs import RunStore
from eval.summary import summarize
from ragbot.showing.evaluations import comparison_html, figures_html, runs_html
from tests.ragbot.showing.markup import Page


def made(name: str, good: float) -> Run:
    manifest = {
        "name": name,
        "created": "2026-03-01T10:00:00+00:00",
        "finished": "2026-03-01T10:05:00+00:00",
        "mode": "answer",
        "dataset": {"name": "sample", "questions": 40, "documents": 20, "sha256": "x"},
        "models": {"llm": "extractive"},
    }
    rows = [
        Row(
            Question(f"q{n}", f"问题 {n}？", "zh", document=f"d{n % 20}"),
            None,
            {"f1": good if n % 4 else 0.2, "seconds": 0.5},
        )
        for n in range(40)
    ]
    return Run(manifest, tuple(rows))


def test_figures_with_intervals() -> None:
    run = made("first", 0.6)
    page = Page(figures_html(run, summarize(run.rows, 200), "en"))
    for text in (
        "first",
        "40 questions over 20 documents",
        "search and answer",
        "extractive",
        "f1",
        "0.500",
        "95% interval",
        "Cost",
    ):
        assert text in page.text
    assert "not finished" not in page.text and "overlap with the best gold answer" in page.text
    chinese = Page(figures_html(run, summarize(run.rows, 200), "zh"))
    assert (
        "40 个问题，20 篇文档 · 检索并回答 · extractive" in chinese.text
        and "与最接近的标准答案的重合度" in chinese.text
    )


def test_a_run_without_rows_or_end() -> None:
    run = Run({**made("a", 1).manifest, "finished": ""}, (Row(Question("q", "?"), None, {}, "it broke"),))
    page = Page(figures_html(run, [], "en"))
    assert "not finished" in page.text and "1 question failed" in page.text and "no figures" in page.text


def test_a_comparison_says_what_became_better() -> None:
    found = contrast(made("old", 0.4), made("new", 0.9), rounds=200)
    page = Page(comparison_html(found, "en"))
    assert (
        "new against old" in page.text
        and "Better: f1" in page.text
        and "+0.375" in page.text
        and "▲ better" in page.text
    )
    assert page.of_class("rb-better")
    worse = Page(comparison_html(contrast(made("new", 0.9), made("old", 0.4), rounds=200), "zh"))
    assert "更差：f1" in worse.text and "校正后 p" in worse.text


def test_a_comparison_that_shows_nothing() -> None:
    page = Page(comparison_html(contrast(made("a", 0.5), made("b", 0.5), rounds=200), "en"))
    assert "No difference could be shown." in page.text and "= identical" in page.text


def test_stored_runs(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    assert "还没有做过评测" in Page(runs_html(store.manifests(), "zh")).text
    with store.create({**made("x", 1).manifest, "name": "一"}, "mine") as writer:
        writer.append(made("x", 1).rows[0])
    manifests = store.manifests()
    page = Page(runs_html(manifests, "en"))
    assert [item["data-run"] for item in page.of_class("rb-link")] == [str(manifests[0]["name"])]
    assert "sample" in page.text and "extractive" in page.text
    assert Page(runs_html(manifests, "en", None)).of_class("rb-link") == []

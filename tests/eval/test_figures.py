"""Figures that are kept beside a run, and its report as a page."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from eval import figures as module
from eval.contrast import contrast
from eval.datasets.base import Question
from eval.figures import FIGURES, figures_of, figures_so_far, report_page
from eval.records import Row, Run
from eval.responses import Response
from eval.summary import ALL

MANIFEST = {
    "name": "towers-1", "created": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T00:01:00+00:00",
    "mode": "answer", "dataset": {"name": "towers", "questions": 6, "documents": 2}, "settings": {}, "seed": 0,
    "workers": 1, "models": {"llm": "extractive"}, "versions": {}, "machine": {},
}  # fmt: skip


def run_in(folder: Path | None, found: float = 1.0, finished: bool = True) -> Run:
    rows = tuple(
        Row(
            Question(f"q{n}", "灯塔有多高？" if n % 2 else "How high?", ("47",), document=f"d{n}.md", language="zh" if n % 2 else "en"),
            Response("It is 47 metres.", confidence=0.9),
            {"mrr@10": found if n else 0.0, "contains": 1.0, "latency": 0.1 * n},
        )
        for n in range(12)
    )  # fmt: skip
    manifest = MANIFEST if finished else {**MANIFEST, "finished": ""}
    return Run(manifest, rows, folder)


def same(a: object, b: object) -> bool:
    return repr(a) == repr(b)  # NaN is not equal to itself


def test_figures_are_computed_once_and_read_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_in(tmp_path)
    first = figures_of(run)
    assert {figure.slice for figure in first} > {ALL, "language=zh"}
    monkeypatch.setattr(module, "summarize", lambda rows: pytest.fail("computed again"))
    assert same([asdict(figure) for figure in figures_of(run)], [asdict(figure) for figure in first])


def test_a_run_that_goes_on_or_has_changed_is_computed_anew(tmp_path: Path) -> None:
    figures_of(run_in(tmp_path, finished=False))
    assert not (tmp_path / FIGURES).exists()
    figures_of(run_in(tmp_path))
    other = replace(run_in(tmp_path), rows=run_in(tmp_path).rows[:3])
    assert {figure.interval.questions for figure in figures_of(other)} == {3}
    (tmp_path / FIGURES).write_text('{"stamp": ')
    assert figures_of(run_in(tmp_path))
    assert figures_of(run_in(None))


def test_figures_so_far_are_those_of_all_questions() -> None:
    run = run_in(None, finished=False)
    whole = {figure.metric: figure.interval.mean for figure in figures_of(run) if figure.slice == ALL}
    quick = figures_so_far(run)
    assert {figure.slice for figure in quick} == {ALL}
    for figure in quick:
        assert math.isclose(figure.interval.mean, whole[figure.metric]), figure.metric


@pytest.mark.parametrize(("language", "word"), [("en", "Documents"), ("zh", "文档")])
def test_the_report_is_a_whole_page(tmp_path: Path, language: str, word: str) -> None:
    pytest.importorskip("jinja2")
    after = run_in(tmp_path)
    page = report_page(after, contrast(run_in(None, 0.5), after), language)  # type: ignore[arg-type]
    assert page.startswith("<!") and "</html>" in page and "towers-1" in page and word in page
    assert "http://" not in page.replace("http://www.w3.org", "")

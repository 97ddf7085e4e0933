"""Which plots a run has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("matplotlib", reason='plots need the extra "eval": pip install "ragbot[eval]"')

from eval.records import Row, Run
from eval.report.plots import depth_plot, latency_plot, reliability_plot, risk_plot, run_plots, slice_plots
from eval.report.words import Words
from eval.responses import Response
from eval.summary import summarize

SAY = Words("en")


def test_an_answered_run_has_them_all(make_run: Callable[..., Run]) -> None:
    run = make_run()
    plots = run_plots(run.rows, summarize(run.rows, 50), SAY)
    assert [plot.title for plot in plots] == [
        "Hit and recall by depth",
        "Risk and coverage",
        "Does the confidence mean what it says?",
        "Latency",
    ]
    assert "hit@k = recall@k" in plots[0].svg
    assert "P95" in plots[3].svg


def test_a_search_has_no_confidence(make_run: Callable[..., Run]) -> None:
    rows = make_run(mode="search").rows
    figures = summarize(rows, 50)
    assert depth_plot(figures, SAY)
    assert risk_plot(rows, SAY) is None
    assert reliability_plot(rows, SAY) is None
    latency = latency_plot(rows, SAY)
    assert latency
    assert "search" in latency.note


def test_nothing_to_draw() -> None:
    assert run_plots((), [], SAY) == []
    assert slice_plots([], SAY) == []


def test_the_bins_say_how_many_questions_they_have(make_run: Callable[..., Run]) -> None:
    plot = reliability_plot(make_run(40).rows, SAY)
    assert plot
    assert ">8<" in plot.svg  # 0.0 and 0.1 share the first bin
    assert ">4<" in plot.svg


@pytest.mark.parametrize("confidence", [7.0, -0.1, float("nan")])
def test_a_confidence_that_is_no_probability_is_refused_where_it_comes_in(confidence: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        Response(confidence=confidence)


def test_slow_questions_go_into_the_last_bar(make_run: Callable[..., Run]) -> None:
    rows = make_run(30).rows
    slow = Row(rows[0].question, rows[0].response, {**rows[0].metrics, "seconds": 900.0})
    plot = latency_plot((slow, *rows[1:]), SAY)
    assert plot
    assert plot.note.endswith("last bar: 1.")
    usual = latency_plot(rows, SAY)
    assert usual
    assert "last bar" not in usual.note


def test_slices_have_bars_and_no_bar_twice(make_run: Callable[..., Run]) -> None:
    plots = {plot.title: plot for plot in slice_plots(summarize(make_run(36).rows, 50), Words("zh"))}
    assert "语言：中文 (" in plots["contains"].svg
    # All that have "contains" are answerable.
    assert "可回答" not in plots["contains"].svg

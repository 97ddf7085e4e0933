"""The data behind the table of questions."""

from __future__ import annotations

import json
from collections.abc import Callable

from eval.datasets.base import Question, ToolCall
from eval.records import Row, Run
from eval.report.questions import EXCERPTS, facets_of, questions_data
from eval.responses import Hit, Response


def test_each_text_is_stored_once(make_run: Callable[..., Run]) -> None:
    data = questions_data(make_run(24).rows)
    assert len(data["texts"]) == len(set(data["texts"]))
    source, text, ranges, start, end, score, gold = data["rows"][1]["hits"][0]
    assert (data["texts"][source], start, score, gold) == ("zh/1.md", 100, 1.5, 1)
    assert [data["texts"][text][a:b] for a, b in ranges] == ["浙江杭州"]
    assert end == 100 + len(data["texts"][text])
    assert [data["rows"][1]["answer"][a:b] for a, b in data["rows"][1]["marks"]] == ["浙江杭州"]
    marker, source, text, start, _ = data["rows"][1]["quotes"][0]
    assert (marker, data["texts"][source], start) == (1, "zh/1.md", 100)


def test_metrics_stand_under_their_names(make_run: Callable[..., Run]) -> None:
    run = make_run(24)
    data = questions_data(run.rows)
    for row, shown in zip(run.rows, data["rows"], strict=True):
        found = dict(zip(data["metrics"], shown["metrics"], strict=True))
        assert {name: value for name, value in found.items() if value is not None} == {
            name: round(value, 4) for name, value in row.metrics.items()
        }
    assert data["columns"] == ["mrr@10", "f1", "seconds", "search_seconds"]


def test_a_thousand_questions_stay_small() -> None:
    rows = [
        Row(
            Question(f"q{n}", "龙井茶产于哪里？", ("浙江",)),
            Response(
                "浙江", False, 0.5, "zh", tuple(Hit(f"{n}.md", f"{n}/{k}" + "茶" * 500, 0, 504, 1.0) for k in range(10))
            ),
            {f"recall@{k}": 0.123456 for k in (1, 3, 5, 10)},
        )
        for n in range(1000)
    ]
    data = questions_data(rows)
    assert data["excerpt"] == EXCERPTS[-1]
    assert len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()) < 3_000_000
    few = questions_data(rows[:100])
    assert few["excerpt"] == EXCERPTS[0]


def test_facets_divide() -> None:
    questions = [
        Question(str(n), "?", language="en", answerable=n % 2 == 0, tags={"kind": "ab"[n % 2], "serial": str(n)})
        for n in range(20)
    ]
    assert facets_of(questions) == {"answerable": ["no", "yes"], "kind": ["a", "b"]}
    assert facets_of([]) == {}


def test_agents_calls() -> None:
    question = Question("q", "?", calls=(ToolCall("search", {"query": "茶"}),))
    (row,) = questions_data([Row(question, Response("x", calls=(ToolCall("look", {"n": 1}),)))])["rows"]
    assert row["expected"] == ['search {"query": "茶"}']
    assert row["calls"] == ['look {"n": 1}']


def test_nothing() -> None:
    data = questions_data([])
    assert (data["rows"], data["metrics"], data["columns"]) == ([], [], [])


def test_numbers_that_json_does_not_know() -> None:
    row = Row(
        Question("q", "?"),
        Response(hits=(Hit("a", "b", score=float("inf")),)),
        {"f1": float("nan")},
    )
    json.dumps(questions_data([row]), allow_nan=False)

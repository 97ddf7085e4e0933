"""RGB's three kinds of file: plain, integration, counterfactual."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.datasets import QuestionSet, Span, read_rgb
from ragbot.errors import SourceError


def read(tmp_path: Path, *records: dict[str, Any]) -> QuestionSet:
    path = tmp_path / "en.json"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return read_rgb(path)


def test_plain(tmp_path: Path) -> None:
    questions = read(
        tmp_path,
        {
            "id": 0,
            "query": "When did the bridge open?",
            "answer": [["1 May 1990", "May 1, 1990"]],
            "positive": ["It was opened on MAY 1, 1990.", "On 1 May 1990 it opened.", "It opened in spring."],
            "negative": ["The tunnel was closed.", ""],
        },
        {"id": 1, "query": "桥在哪里？", "answer": "江城", "positive": ["这座桥在江城。"], "negative": []},
    )
    assert questions.name == "en"
    assert list(questions.documents) == ["en/0/p0", "en/0/p1", "en/0/p2", "en/0/n0", "en/1/p0"]
    assert questions.documents["en/0/n0"].text == "The tunnel was closed."
    first, second = questions.questions
    assert first.answers == ("1 May 1990", "May 1, 1990") and first.tags == {}
    assert first.gold == ((Span("en/0/p0", 17, 28), Span("en/0/p1", 3, 13)),)
    assert first.relevant == {"en/0/p0": 1, "en/0/p1": 1, "en/0/p2": 1}
    assert (first.id, first.document, first.language) == ("0", "0", "en")
    assert (second.answers, second.gold, second.language) == (("江城",), ((Span("en/1/p0", 4, 6),),), "zh")


def test_integration(tmp_path: Path) -> None:
    record = {
        "id": 5,
        "query": "宣誓和首次会议各在哪天？",
        "answer": [["1月3日", "一月三日"], "1月12日"],
        "positive": [["1月3日宣誓，1月12日开会。", "宣誓在一月三日。"], ["1月12日是首次会议。"]],
        "negative": ["别的。"],
    }
    questions = read(tmp_path, record)
    assert list(questions.documents) == ["en/5/p0", "en/5/p1", "en/5/p2", "en/5/n0"]
    (question,) = questions.questions
    assert question.gold == (
        (Span("en/5/p0", 0, 4), Span("en/5/p1", 3, 7)),
        (Span("en/5/p2", 0, 5),),  # each piece in its own passages
    )
    assert question.answers == ("1月3日、1月12日", "一月三日、1月12日") and question.tags == {"pieces": "2"}
    record["positive"] = ["1月12日是首次会议，1月3日宣誓。"]
    (question,) = read(tmp_path, record).questions
    assert question.gold == ((Span("en/5/p0", 11, 15),), (Span("en/5/p0", 0, 5),))


def test_a_piece_that_stands_nowhere(tmp_path: Path) -> None:
    record = {"id": 1, "query": "Who and who?", "answer": ["Ann", "Bob"], "positive": ["Ann is here."], "negative": []}
    (question,) = read(tmp_path, record).questions
    assert question.gold == () and question.relevant == {"en/1/p0": 1} and question.answers == ("Ann, Bob",)


def test_counterfactual(tmp_path: Path) -> None:
    questions = read(
        tmp_path,
        {
            "id": 2,
            "query": "Who won?",
            "answer": "Ann",
            "fakeanswer": "Bob",
            "positive": ["Ann won."],
            "positive_wrong": ["Bob won."],
            "negative": ["Carl lost."],
        },
    )
    assert {source: document.text for source, document in questions.documents.items()} == {
        "en/2/p0": "Ann won.",
        "en/2/n0": "Carl lost.",
        "en/2/w0": "Bob won.",
    }
    assert questions.questions[0].relevant == {"en/2/p0": 1}
    assert questions.questions[0].gold == ((Span("en/2/p0", 0, 3),),)


GOOD = {"id": 1, "query": "Who?", "answer": "Ann", "positive": ["Ann."], "negative": []}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": None}, "line 2.*id"),
        ({"query": 3}, "line 2.*query"),
        ({"id": 1}, "line 2.*id 1 too"),
        ({"answer": []}, "line 2.*answer"),
        ({"answer": [[]]}, "line 2.*answer"),
        ({"answer": None}, "line 2.*answer"),
        ({"positive": "Ann."}, "line 2.*positive"),
        ({"negative": [["a"], "b"]}, "line 2.*negative"),
    ],
)
def test_what_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read(tmp_path, GOOD, {**GOOD, "id": 2, **change})

"""SQuAD's format in its dialects: documents, offsets, parts, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.datasets import Span, read_squad
from ragbot.errors import SourceError

SQUAD: dict[str, Any] = {
    "data": [
        {
            "title": "Some_Article",
            "paragraphs": [
                {
                    "context": "甲是乙。",
                    "qas": [{"id": 1, "question": "甲是什么？", "answers": [{"text": "乙", "answer_start": 2}]}],
                },
                {
                    "context": "Two of the three are here.",
                    "qas": [
                        {
                            "id": "q2",
                            "question": "Which of them is the third?",
                            "is_impossible": True,
                            "answers": [{"text": "Two", "answer_start": 0}],  # plausible, and wrong
                        },
                        {
                            "id": "q3",
                            "question": "How many are here?",
                            "is_impossible": False,
                            "answers": [
                                {"text": "Two", "answer_start": 0},
                                {"text": "Two of the three", "answer_start": 0},
                                {"text": "Two", "answer_start": 0},
                            ],
                        },
                    ],
                },
            ],
        },
        {"paragraphs": [{"context": "Other.", "qas": []}]},
    ]
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "set.json"
    path.write_text(json.dumps(SQUAD), encoding="utf-8")
    return path


def test_an_article_is_a_document(path: Path) -> None:
    read = read_squad(path)
    assert read.name == "set" and read.parts == {}
    assert [(source, document.title, document.text) for source, document in read.documents.items()] == [
        ("set/0", "Some Article", "甲是乙。\n\nTwo of the three are here."),
        ("set/1", "", "Other."),
    ]
    first, second, third = read.questions
    assert (first.id, first.text, first.document, first.answers) == ("1", "甲是什么？", "set/0", ("乙",))
    assert first.gold == ((Span("set/0", 2, 3),),) and first.answerable and first.language == "zh"
    assert (second.answers, second.gold, second.answerable, second.relevant) == ((), (), False, {})
    assert second.language == "en"
    assert third.answers == ("Two", "Two of the three")
    assert third.gold == ((Span("set/0", 6, 9), Span("set/0", 6, 22)),), "annotators are alternatives of one item"


def test_a_paragraph_is_a_document(path: Path) -> None:
    read = read_squad(path, unit="paragraph")
    assert {
        source: (document.text, document.title, document.language) for source, document in read.documents.items()
    } == {
        "set/0/0": ("甲是乙。", "", "zh"),
        "set/0/1": ("Two of the three are here.", "", "en"),
        "set/1/0": ("Other.", "", ""),
    }
    first, second, third = read.questions
    assert {question.document for question in read.questions} == {"set/0"}
    assert [dict(question.relevant) for question in read.questions] == [{"set/0/0": 1}, {"set/0/1": 1}, {"set/0/1": 1}]
    assert not second.answerable and not second.gold
    assert first.gold == ((Span("set/0/0", 2, 3),),)
    assert third.gold == ((Span("set/0/1", 0, 3), Span("set/0/1", 0, 16)),)


def test_parts(path: Path) -> None:
    splits = {"set": {"train": [1], "dev": [], "test": [0]}, "other": {"test": [7]}}
    (path.parent / "splits.json").write_text(json.dumps(splits), encoding="utf-8")
    read = read_squad(path)
    assert read.parts == {"train": {"set/1"}, "dev": set(), "test": {"set/0"}}
    assert len(read.part("test").questions) == 3 and not read.part("train", "dev").questions
    renamed = path.with_name("third.json")
    path.rename(renamed)
    assert read_squad(renamed).parts == {}


def _one(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": [
            {"paragraphs": [{"context": "一二三一二", "qas": [{"id": "a", "question": "谁？", "answers": [answer]}]}]}
        ]
    }


@pytest.mark.parametrize(
    ("start", "text", "gold"),
    [(4, "一二", ((Span("set/0", 3, 5),),)), (-3, "三一", ((Span("set/0", 2, 4),),)), (0, "四", ()), (3, "", ())],
)
def test_offsets_that_are_off(tmp_path: Path, start: int, text: str, gold: tuple[tuple[Span, ...], ...]) -> None:
    path = tmp_path / "set.json"
    path.write_text(json.dumps(_one({"text": text, "answer_start": start})), encoding="utf-8")
    (question,) = read_squad(path).questions
    assert question.gold == gold and question.answerable and question.answers == (text,)


def test_the_language_of_the_document_where_the_question_has_none(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    content = _one({"text": "一", "answer_start": 0})
    content["data"][0]["paragraphs"][0]["qas"][0]["question"] = "1 + 1 = ?"
    path.write_text(json.dumps(content), encoding="utf-8-sig")  # with a byte order mark
    assert read_squad(path).questions[0].language == "zh"


def test_an_id_twice(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    content = _one({"text": "一", "answer_start": 0})
    content["data"] *= 2
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(SourceError, match="two questions with the id 'a'"):
        read_squad(path)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"data": [{"paragraphs": [{}]}]}', '{"data": 1}', '{"data": ["text"]}', '{"data": null}']
)
def test_what_is_not_squad(tmp_path: Path, content: str) -> None:
    path = tmp_path / "set.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SourceError, match="SQuAD"):
        read_squad(path)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.json.*check the path"):
        read_squad(tmp_path / "none.json")

"""Parts, leaving documents out, and splitting: never a document on two sides."""

from __future__ import annotations

import pytest

from eval.datasets import PARTS, Question, QuestionSet, Span, split_by_document
from ragbot.documents import ParsedDocument

DOCUMENTS = {f"d{n}": ParsedDocument(f"text {n}") for n in range(10)}
QUESTIONS = tuple(
    Question(f"{n}-{i}", "?", ("text",), gold=((Span(f"d{n}", 0, 4),),), relevant={f"d{n}": 1}, document=f"d{n}")
    for n in range(10)
    for i in range(2)
)
SET = QuestionSet("set", QUESTIONS, DOCUMENTS, {"train": frozenset(["d0", "d1"]), "test": frozenset(["d2"])})


def test_a_question_about_no_document_is_a_unit_of_its_own() -> None:
    assert Question("q", "?").document == "q"


def test_part() -> None:
    assert [question.id for question in SET.part("test").questions] == ["2-0", "2-1"]
    assert len(SET.part("train", "test").questions) == 6
    assert SET.part("test").documents == DOCUMENTS, "a search has to tell them apart"
    with pytest.raises(KeyError):
        SET.part("dev")


def test_silenced() -> None:
    silenced = SET.silenced(0.3, seed=1)
    gone = set(DOCUMENTS) - set(silenced.documents)
    assert len(gone) == 3 and len(silenced.questions) == len(QUESTIONS)
    for question in silenced.questions:
        if question.document in gone:
            assert (question.answers, question.gold, question.relevant, question.answerable) == ((), (), {}, False)
            assert question.tags == {"left_out": "yes"}
        else:
            assert question in QUESTIONS
    assert SET.silenced(0.3, seed=1) == silenced and SET.silenced(0.3, seed=2) != silenced
    assert len(SET.silenced(1.0).documents) == 1 and len(SET.silenced(0.001).documents) == 9
    assert SET.silenced(0) == SET


def test_split() -> None:
    parts = split_by_document(QUESTIONS)
    assert tuple(parts) == PARTS and [len(part) for part in parts.values()] == [6, 2, 2]
    assert frozenset().union(*parts.values()) == set(DOCUMENTS)
    assert split_by_document(tuple(reversed(QUESTIONS))) == parts != split_by_document(QUESTIONS, seed=1)

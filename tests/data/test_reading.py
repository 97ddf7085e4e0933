"""The paragraphs that readers are trained on: what their README says of them holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.datasets.base import QuestionSet
from eval.datasets.squad import read_squad

FOLDER = Path(__file__).parents[2] / "data" / "reading"


@pytest.fixture(scope="module", params=["own_en", "own_zh"])
def own(request: pytest.FixtureRequest) -> QuestionSet:
    return read_squad(FOLDER / f"{request.param}.json", "paragraph")


def test_answers_stand_where_they_are_marked(own: QuestionSet) -> None:
    for question in own.questions:
        for span in (span for item in question.gold for span in item):
            text = own.documents[span.source].text[span.start : span.end]
            assert text in question.answers and text == text.strip(), question


def test_nothing_stands_twice(own: QuestionSet) -> None:
    texts = [document.text for document in own.documents.values()]
    assert len(set(texts)) == len(texts)
    asked = [(next(iter(question.relevant)), question.text) for question in own.questions]
    assert len(set(asked)) == len(asked)


def test_each_paragraph_has_questions_that_it_answers_and_some_that_it_does_not(own: QuestionSet) -> None:
    for source in own.documents:
        here = [question for question in own.questions if source in question.relevant]
        answered = sum(question.answerable for question in here)
        assert answered >= 6 and len(here) - answered >= 3, source


def test_parts_are_train_and_dev(own: QuestionSet) -> None:
    assert set(own.parts) == {"train", "dev"}
    assert len(own.parts["dev"]) < len(own.parts["train"]) / 10

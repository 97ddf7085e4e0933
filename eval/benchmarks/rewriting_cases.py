"""What the benchmark of rewriting asks: questions of the sets alone, behind another topic, two at once; follow-ups."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.datasets.base import Question
from eval.datasets.jsonl import read_documents
from eval.datasets.locate import Locator
from eval.metrics.ranking import Place
from ragbot.documents import Message, ParsedDocument
from ragbot.errors import EvaluationError

DATA = Path(__file__).parents[2] / "data"


@dataclass(frozen=True, slots=True)
class Case:
    """One question to search for.

    Attributes:
        text: the question.
        gold: items, each found by any one of its places.
        group: the document that it is about: the unit of resampling.
        history: the conversation before it.
        whole: of a follow-up, the question as a person would write it in full.
    """

    text: str
    gold: Sequence[Sequence[Place]]
    group: str
    history: Sequence[Message] = ()
    whole: str = ""


def alone(questions: Sequence[Question]) -> list[Case]:
    """The questions as they are."""
    return [Case(question.text, _gold(question), question.document) for question in questions]


def behind_another_topic(questions: Sequence[Question], seed: int = 0) -> list[Case]:
    """Each after a question about another document: what stands alone must be found as if nothing had been said."""
    order = random.Random(seed)
    cases = []
    for question in questions:
        others = [other for other in questions if other.document != question.document]
        before = order.choice(others).text if others else ""
        history = (Message("user", before), Message("assistant", "…")) if before else ()
        cases.append(Case(question.text, _gold(question), question.document, history))
    return cases


def two_at_once(questions: Sequence[Question], seed: int = 0) -> list[Case]:
    """Each with one about another document behind it; both answers have to be found."""
    cases = []
    for case, question in zip(behind_another_topic(questions, seed), questions, strict=True):
        second = next((other for other in questions if case.history and other.text == case.history[0].content), None)
        if second:
            text = f"{question.text.rstrip('?？ ')}{_mark(question.text)}{second.text}"
            cases.append(Case(text, [*_gold(question), *_gold(second)], question.document))
    return cases


def follow_ups(language: str, path: Path = DATA / "eval" / "followups.jsonl") -> list[Case]:
    """Our own follow-up questions over data/corpus in one language.

    Raises:
        EvaluationError: the evidence of one does not stand in its document.
    """
    documents = read_documents(DATA / "corpus")
    locators: dict[str, Locator] = {}
    cases = []
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["language"] != language:
            continue
        source = record["source"]
        locator = locators.setdefault(source, Locator(documents[source].text))
        place = locator.find(record["evidence"])
        if place is None:
            raise EvaluationError(
                f"{path}: the evidence of {record['id']} is not in {source}: quote it as it stands there"
            )
        history = [
            Message("assistant" if number % 2 else "user", text) for number, text in enumerate(record["history"])
        ]
        cases.append(Case(record["question"], [[(source, *place)]], record["id"], history, record["standalone"]))
    return cases


def corpus() -> Mapping[str, ParsedDocument]:
    """The documents that the follow-ups are about."""
    return read_documents(DATA / "corpus")


def _gold(question: Question) -> list[list[Place]]:
    return [[(span.source, span.start, span.end) for span in item] for item in question.gold]


def _mark(text: str) -> str:
    return "？" if any("\u4e00" <= character <= "\u9fff" for character in text) else "? "

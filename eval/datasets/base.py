"""What a question set is: documents, questions about them, and where in the documents the answers stand."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ragbot.documents import ParsedDocument

#: The parts that a question set is split into, document by document.
PARTS = ("train", "dev", "test")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a document: ``text[start:end]`` of the document named ``source``, in code points."""

    source: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool by an agent."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """One question with what a right answer needs.

    Attributes:
        id: unique in its set.
        text: the question.
        answers: wordings that count as right; empty where the documents do not answer.
        answerable: whether the documents answer it; where not, a refusal is right.
        gold: what has to be found. Each item is found by any one of its spans (annotators choose different ones); a
            question that needs two places has two items. Empty where unknown, or where nothing answers.
        relevant: relevant documents by source with their grades, where only documents are judged (BEIR).
        document: the document that the question was written about: the unit of resampling. Never empty; a question
            that belongs to no document is a unit of its own (its id).
        language: BCP 47 primary tag, or empty.
        calls: the tool calls that an agent is expected to make, in any order; None where the question is not for agents.
        tags: further slices, such as ``{"category": "number"}``.
    """

    id: str
    text: str
    answers: tuple[str, ...] = ()
    answerable: bool = True
    gold: tuple[tuple[Span, ...], ...] = ()
    relevant: Mapping[str, int] = field(default_factory=dict)
    document: str = ""
    language: str = ""
    calls: tuple[ToolCall, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.document:
            object.__setattr__(self, "document", self.id)


@dataclass(frozen=True)
class QuestionSet:
    """Documents by source name, and the questions about them.

    ``documents`` is empty where the questions are about a knowledge base that exists already. ``parts`` names the
    documents (see :attr:`Question.document`) of train, dev and test; empty where nobody has split the set.
    """

    name: str
    questions: tuple[Question, ...]
    documents: Mapping[str, ParsedDocument] = field(default_factory=dict)
    parts: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def about(self, documents: Collection[str]) -> tuple[Question, ...]:
        """The questions written about these documents."""
        return tuple(question for question in self.questions if question.document in documents)

    def part(self, *names: str) -> QuestionSet:
        """The questions of some parts; the documents all stay, because a search has to tell them apart.

        Raises:
            KeyError: a part that the set does not have.
        """
        wanted = frozenset().union(*(self.parts[name] for name in names))
        return replace(self, questions=self.about(wanted))

    def silenced(self, share: float, seed: int = 0) -> QuestionSet:
        """Leave a share of the asked-about documents out; questions that need them can only be refused.

        The choice depends on ``seed`` and the documents' names alone. At least one document goes and one stays; of a
        single one, none goes.
        """
        names = sorted(set().union(*map(_homes, self.questions)) & set(self.documents))
        random.Random(seed).shuffle(names)
        gone = set(names[: min(max(round(share * len(names)), 1), len(names) - 1)]) if share > 0 else set()
        questions = []
        for question in self.questions:
            if _needs(question, gone):
                tags = {**question.tags, "left_out": "yes"}
                question = replace(question, answers=(), answerable=False, gold=(), relevant={}, tags=tags)
            elif gone.intersection(question.relevant):
                left = {source: grade for source, grade in question.relevant.items() if source not in gone}
                question = replace(question, relevant=left)
            questions.append(question)
        kept = {source: document for source, document in self.documents.items() if source not in gone}
        return replace(self, questions=tuple(questions), documents=kept)


def _homes(question: Question) -> set[str]:
    """The documents that may hold what a question needs."""
    return {question.document, *question.relevant} | {span.source for item in question.gold for span in item}


def _needs(question: Question, gone: Collection[str]) -> bool:
    """Whether a question cannot be answered without documents that are gone."""
    if question.document in gone:
        return True
    if question.gold:
        return any(all(span.source in gone for span in item) for item in question.gold)
    return bool(question.relevant) and all(source in gone for source in question.relevant)


def split_by_document(
    questions: Collection[Question], shares: tuple[float, float, float] = (0.6, 0.15, 0.25), seed: int = 0
) -> dict[str, frozenset[str]]:
    """Train, dev and test documents, never a document in two of them; depends on ``seed`` and their names alone.

    Questions that nothing answers belong to no document and are units of their own: they are shared out by themselves,
    or they would crowd the documents out of the smaller parts.
    """
    answered = {question.document for question in questions if question.answerable}
    parts: dict[str, frozenset[str]] = dict.fromkeys(PARTS, frozenset())
    for names in (sorted(answered), sorted({question.document for question in questions} - answered)):
        random.Random(seed).shuffle(names)
        first = round(shares[0] * len(names))
        second = first + round(shares[1] * len(names))
        for part, chosen in zip(PARTS, (names[:first], names[first:second], names[second:]), strict=True):
            parts[part] |= frozenset(chosen)
    return parts

"""The values that the making of questions passes on: paragraphs, drafts of questions, and the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Origin = Literal["model", "template", "masked", "written"]
#: Called with how many questions are done, and how many are wanted.
ProgressCallback = Callable[[int, int], None]
#: The languages that there are templates and prompts for.
LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a document: ``text`` equals the document's text at ``[start, end)``, in code points."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of prose; ``text`` equals the document's text at ``[start, end)``, in code points.

    ``opens`` tells that it is the first one under ``heading``; ``title`` is the document's.
    """

    source: str
    title: str
    heading: str
    text: str
    start: int
    end: int
    language: str
    opens: bool
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A question that one sentence answers with its own characters ``[start, end)``."""

    category: str
    question: str
    start: int
    end: int
    origin: Origin = "template"


@dataclass(frozen=True, slots=True)
class Draft:
    """A question with its answer and the evidence, which holds the answer and stands at ``[start, end)``."""

    question: str
    answer: str
    category: str
    origin: Origin
    evidence: str
    start: int
    end: int
    paragraph: Paragraph


@dataclass(frozen=True, slots=True)
class Impossible:
    """A question that the documents do not answer."""

    question: str
    category: Literal["unanswerable-near", "unanswerable-far"]
    language: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class SynthReport:
    """What :func:`eval.synth.make_questions` made.

    ``records`` are rows of our JSONL format, those with an answer first; ``dropped`` counts what was thrown away, by
    reason.
    """

    records: tuple[Mapping[str, Any], ...]
    dropped: Mapping[str, int]

"""Questions to begin with: prepared ones for the sample that ships with ragbot, for other documents their titles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ragbot.documents import Document
from ragbot.showing.words import LANGUAGES, say

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "corpus"
_SAMPLE_QUESTIONS = ("sample_1", "sample_2")
#: Documents that it is enough to look at.
LOOKED_AT = 100
#: Questions that are offered, and characters of a title that fits into one.
_MOST, _TITLE = 4, 60


def examples(documents: Sequence[Document], language: str) -> tuple[str, ...]:
    """Questions that some documents answer, those in the reader's language first."""
    if any(SAMPLE in Path(document.source).parents for document in documents):
        languages = sorted(LANGUAGES, key=lambda one: one != language)
        return tuple(say(one, key) for one in languages for key in _SAMPLE_QUESTIONS)
    titled = [document for document in documents if 0 < len(document.title.strip()) <= _TITLE]
    titled.sort(key=lambda document: document.language != language)
    return tuple(_question(document) for document in titled[:_MOST])


def _question(document: Document) -> str:
    language = "zh" if document.language == "zh" else "en"
    return say(language, "example_question", title=" ".join(document.title.split()))

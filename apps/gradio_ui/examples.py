"""Questions to begin with: prepared ones for the sample that ships with ragbot, for other documents their titles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from apps.gradio_ui.text import say
from ragbot.documents import Document

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "corpus"
_CHINESE = ("宪法式 AI 的强化学习阶段为什么叫 RLAIF？", "GPT-2 的词表 50257 是怎么凑出来的？")
_ENGLISH = ("How does RMSNorm differ from ordinary layer normalisation?", "What is the NF4 data type?")
#: Documents that it is enough to look at.
LOOKED_AT = 100
#: Questions that are offered, and characters of a title that fits into one.
_MOST, _TITLE = 4, 60


def examples(documents: Sequence[Document], language: str) -> tuple[str, ...]:
    """Questions that some documents answer, those in the reader's language first."""
    if any(SAMPLE in Path(document.source).parents for document in documents):
        return (*_CHINESE, *_ENGLISH) if language == "zh" else (*_ENGLISH, *_CHINESE)
    titled = [document for document in documents if 0 < len(document.title.strip()) <= _TITLE]
    own = [document for document in titled if document.language == language]
    others = [document for document in titled if document.language != language]
    return tuple(_question(document) for document in (*own, *others)[:_MOST])


def _question(document: Document) -> str:
    language = "zh" if document.language == "zh" else "en"
    return say(language, "example_question", title=" ".join(document.title.split()))

"""Questions to begin with: prepared ones for the sample that ships with ragbot, for other documents their titles."""

from __future__ import annotations

from pathlib import Path

from apps.streamlit_ui.visitor import Visitor
from apps.streamlit_ui.words import say
from ragbot.bot import RagBot
from ragbot.documents import Document

_SAMPLE = Path(__file__).resolve().parents[2] / "data" / "corpus"
#: Documents that are looked at, questions that are offered, and characters of a title that fits into one.
_LOOKED_AT, _MOST, _TITLE = 100, 4, 60


def examples(who: Visitor, bot: RagBot) -> list[str]:
    """Questions that the documents answer, those in the reader's language first."""
    _, documents = bot.documents_page(who.where(), limit=_LOOKED_AT)
    languages = sorted(("en", "zh"), key=lambda language: language != who.language)
    if any(_SAMPLE in Path(document.source).parents for document in documents):
        return [say(language, f"sample_{number}") for language in languages for number in (1, 2)]
    titled = [document for document in documents if 0 < len(document.title.strip()) <= _TITLE]
    titled.sort(key=lambda document: document.language != who.language)
    return [_about(document) for document in titled[:_MOST]]


def _about(document: Document) -> str:
    language = "zh" if document.language == "zh" else "en"
    return say(language, "example_question", title=" ".join(document.title.split()))

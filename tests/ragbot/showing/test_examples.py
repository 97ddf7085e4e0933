"""Questions to begin with: those of the sample, or made of the titles of other documents."""

from __future__ import annotations

from ragbot.documents import Document
from ragbot.showing.examples import SAMPLE, examples


def document(title: str, language: str = "en", source: str = "/notes/a.md") -> Document:
    return Document(1, source, title, "md", language, None, "")


def test_titles_become_questions_in_their_language() -> None:
    documents = [document("Tides"), document("潮汐", "zh"), document(""), document("x" * 61), document(" \n")]
    assert examples(documents, "en") == ("What is “Tides” about?", "《潮汐》讲了什么？")
    assert examples(documents, "zh") == ("《潮汐》讲了什么？", "What is “Tides” about?")
    assert len(examples([document("Tides")] * 9, "en")) == 4
    assert examples([], "en") == ()


def test_the_sample_has_its_own() -> None:
    assert (SAMPLE / "en").is_dir() or any(SAMPLE.iterdir())
    asked = examples([document("Tides"), document("LoRA", source=str(SAMPLE / "zh" / "lora.md"))], "zh")
    assert "RLAIF" in asked[0]
    assert set(asked) == set(examples([document("", source=str(SAMPLE / "a.md"))], "en"))

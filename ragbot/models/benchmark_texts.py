"""What models are timed on: questions and passages of the sample documents, in Chinese and in English."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LANGUAGES = ("zh", "en")


@dataclass(frozen=True)
class Texts:
    """Questions, and passages as long as chunks are by default (about 170 tokens in Chinese, 80 in English)."""

    language: str
    questions: tuple[str, ...]
    passages: tuple[str, ...]


def sample_texts(language: str) -> Texts:
    """24 questions and 32 passages in ``zh`` or ``en``."""
    text = Path(__file__).with_name(f"benchmark_{language}.txt").read_text(encoding="utf-8")
    questions, passages = (tuple(part.splitlines()) for part in text.strip().split("\n\n"))
    return Texts(language, questions, passages)

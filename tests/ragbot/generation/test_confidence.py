"""Confidence: a probability, higher for what the documents hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.generation.confidence import confidence, features
from ragbot.models.testing import HashEmbedder


def sure(bot: RagBot, question: str) -> float:
    return confidence(bot.kb, question, bot.search(question))


def test_nothing_found(bot: RagBot) -> None:
    assert confidence(bot.kb, "anything", []) == 0.0


@pytest.mark.parametrize("question", ["lighthouse", "？", "🎉", "什么", "x" * 10_000, "the"])
def test_a_probability(bot: RagBot, question: str) -> None:
    assert 0.0 <= sure(bot, question) <= 1.0


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("In which year was the harbour of Aalto dredged?", "Who won the chess tournament of Reykjavik?"),
        ("长江全长多少公里？", "谁发明了蒸汽机车？"),
    ],
)
def test_what_the_documents_hold_is_likelier(bot: RagBot, inside: str, outside: str) -> None:
    assert sure(bot, inside) > sure(bot, outside) + 0.1


def test_features_are_named_numbers(bot: RagBot) -> None:
    values = features(bot.kb, "lighthouse", bot.search("lighthouse"))
    assert all(isinstance(value, float) for value in values.values())


def test_one_small_note_can_be_answered_from(kb_folder: Path) -> None:
    """A knowledge base of one chunk has no spread of scores; that alone must not refuse every question."""
    with RagBot.open(kb_folder, embedder=HashEmbedder(), llm="extractive") as bot:
        bot.ingest_documents({"note": ParsedDocument("The spare key is under the blue flowerpot in the garden.")})
        answer = bot.ask("Where is the spare key?")
        assert not answer.abstained, answer.confidence
        assert "flowerpot" in answer.text

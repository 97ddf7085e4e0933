"""Question sets to what a reranker learns from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.datasets.base import Question, QuestionSet, Span
from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.errors import SourceError
from ragbot.models.testing import HashEmbedder
from ragbot.settings import load_settings
from ragbot.training.ranking_data import DEPTH, Ranking, rankings_of, read_rankings, write_rankings

HARBOUR = "The tide reaches 4.2 m in March.\n\n" + "\n\n".join(
    f"Basin {i} was dredged in {1900 + i}." for i in range(60)
)
港口 = "三月的潮位达到4.2米。\n\n" + "\n\n".join(f"第{i}号港池于{1900 + i}年疏浚。" for i in range(60))


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[RagBot]:
    settings = load_settings({"chunking.chunk_tokens": 16, "chunking.chunk_tokens_zh": 16})[0]
    with RagBot.open(tmp_path / "kb", embedder=HashEmbedder(), settings=settings) as opened:
        opened.ingest_documents(
            {
                "en": ParsedDocument(HARBOUR, title="Harbour", language="en"),
                "zh": ParsedDocument(港口, title="港口", language="zh"),
                "other": ParsedDocument("A tide of 4.2 m was seen elsewhere. The tide reaches far.", language="en"),
            }
        )
        yield opened


def asked(source: str, text: str, words: str, question: str) -> Question:
    start = text.index(words)
    return Question(
        f"q-{source}", question, (words,), gold=((Span(source, start, start + len(words)),),), document=source
    )


def rankings(bot: RagBot, *questions: Question) -> list[Ranking]:
    return list(rankings_of(bot, QuestionSet("toy", questions)))


@pytest.mark.parametrize(
    ("source", "text", "words", "question"),
    [("en", HARBOUR, "4.2 m", "How high does the tide reach?"), ("zh", 港口, "4.2米", "潮位达到多高?")],
)
def test_the_answer_stands_where_it_is_said_to(bot: RagBot, source: str, text: str, words: str, question: str) -> None:
    (found,) = rankings(bot, asked(source, text, words, question))
    assert found.positives and found.negatives
    for candidate in found.positives:
        for start, end in candidate.spans:
            assert candidate.text[start:end] == words
        assert candidate.text.startswith({"en": "Harbour\n", "zh": "港口\n"}[source])  # the title in front, as embedded
    assert not any(candidate.spans for candidate in found.negatives)


def test_what_says_the_answer_elsewhere_is_no_negative(bot: RagBot) -> None:
    (found,) = rankings(bot, asked("en", HARBOUR, "4.2 m", "How high does the tide reach?"))
    assert not any("4.2 m" in candidate.text for candidate in found.negatives)
    assert any("elsewhere" in hit.chunk.text for hit in bot.search("How high does the tide reach?", DEPTH))


def test_the_answer_is_a_candidate_where_the_search_misses_it(bot: RagBot) -> None:
    (found,) = rankings(bot, asked("en", HARBOUR, "4.2 m", "潮位"))
    assert [candidate.rank for candidate in found.positives] == [DEPTH] or found.positives[0].rank < DEPTH
    assert found.positives


def test_questions_without_an_answer_have_negatives_only(bot: RagBot) -> None:
    (found,) = rankings(bot, Question("none", "Who built the lighthouse?", answerable=False, document="en"))
    assert found.positives == () and found.negatives


def test_questions_about_other_documents_are_left_out(bot: RagBot) -> None:
    assert rankings(bot, asked("en", HARBOUR, "4.2 m", "How high?").__class__("x", "?", document="elsewhere")) == []


def test_stored_and_read_again(bot: RagBot, tmp_path: Path) -> None:
    found = rankings(bot, asked("en", HARBOUR, "4.2 m", "How high?"), asked("zh", 港口, "4.2米", "多高?"))
    assert write_rankings(tmp_path / "r.jsonl", found) == 2
    assert read_rankings(tmp_path / "r.jsonl") == found


def test_nothing_is_left_of_what_was_broken_off(tmp_path: Path) -> None:
    def broken() -> Iterator[Ranking]:
        yield Ranking("a", "toy", "en", "?", (), (), ())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rankings(tmp_path / "r.jsonl", broken())
    assert not (tmp_path / "r.jsonl").exists()


@pytest.mark.parametrize("content", ["no json", "{}", '{"id": 1}'])
def test_what_is_no_ranking_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "r.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(SourceError, match="ragbot train"):
        read_rankings(tmp_path / "r.jsonl")
    with pytest.raises(SourceError, match="ragbot train"):
        read_rankings(tmp_path / "missing.jsonl")

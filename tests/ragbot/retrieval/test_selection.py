"""Which hits are shown: repetitions once, with where else they stand; and with diversity, different ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ragbot.bot import RagBot
from ragbot.documents import Chunk, Document, ParsedDocument, ScoredChunk
from ragbot.index.filters import Filter
from ragbot.models.testing import HashEmbedder
from ragbot.retrieval.retriever import RetrievalOptions
from ragbot.retrieval.selection import distinct, diversify
from ragbot.settings import load_settings

RULE_EN = (
    "Travel within the country is paid back in full. Receipts are handed in within 30 days of the journey. "
    "First class is not paid for."
)
RULE_ZH = "国内出差的费用全额报销。发票须在出差结束后三十天之内提交。头等舱的费用不予报销，确有需要的须事先申请。"


def hit(number: int, text: str, score: float = 0.0, **parts: float) -> ScoredChunk:
    document = Document(number, f"doc{number}", "", "txt", "en", None, "")
    return ScoredChunk(Chunk(number, document, 0, text, 0, len(text)), score or 1 / number, parts)


def numbers(hits: list[ScoredChunk]) -> list[int]:
    return [found.chunk.id for found in hits]


@pytest.mark.parametrize("text", [RULE_EN, RULE_ZH])
def test_the_best_is_kept_and_names_the_others(text: str) -> None:
    other = "Something else stands here, between the copies of it."
    hits = [
        hit(1, text),
        hit(2, other),
        hit(3, text.upper()),
        hit(4, text.partition("。" if "。" in text else ". ")[2]),
    ]
    shown = distinct(hits)
    assert numbers(shown) == [1, 2]
    assert [(copy.source, copy.chunk_id, copy.relation) for copy in shown[0].duplicates] == [
        ("doc3", 3, "same"),
        ("doc4", 4, "contained"),
    ]
    assert shown[1].duplicates == ()
    assert distinct(shown) == shown


def test_what_differs_in_a_number_or_a_negation_stays() -> None:
    texts = [RULE_EN, RULE_EN.replace("30", "60"), RULE_EN.replace("is not", "is")]
    texts += [RULE_ZH, RULE_ZH.replace("三十", "六十"), RULE_ZH.replace("不予", "给予")]
    hits = [hit(number, text) for number, text in enumerate(texts, 1)]
    assert distinct(hits) == hits


def test_nothing_of_what_a_dropped_hit_stood_for_is_lost() -> None:
    first, second = distinct([hit(2, RULE_EN), hit(3, RULE_EN)]), [hit(1, RULE_EN.replace(". ", ".\n"))]
    (shown,) = distinct([*second, *first])
    assert [copy.source for copy in shown.duplicates] == ["doc2", "doc3"]


@pytest.mark.parametrize("count", [0, 1])
def test_few_hits(count: int) -> None:
    hits = [hit(1, RULE_EN)][:count]
    assert distinct(hits) == hits
    assert numbers(diversify(hits, {1: np.array([1.0, 0.0], np.float32)}, 0.5, 5)) == numbers(hits)


# -- in a search ------------------------------------------------------------------------------------------------------


@pytest.fixture
def copies(kb_folder: Path) -> Iterator[RagBot]:
    """Twenty copies of one rule for three readers, and three documents about other things."""
    with RagBot.open(kb_folder, embedder=HashEmbedder(), settings=load_settings({"retrieval.candidates": 5})[0]) as bot:
        bot.ingest_documents({"other0": ParsedDocument("The journey of the receipts began in a harbour.")})
        for reader in ("ann", "bob"):
            bot.ingest_documents({f"{reader}/{n}": ParsedDocument(RULE_EN) for n in range(10)}, acl=(reader,))
        bot.ingest_documents({f"other{n}": ParsedDocument(f"A class of {n} travelled in the country.") for n in (1, 2)})
        yield bot


def test_copies_that_fill_the_candidates_hide_nothing(copies: RagBot) -> None:
    hits = copies.search(RULE_EN, 4)
    assert len(hits) == 4
    assert {found.chunk.document.source for found in hits} == {"ann/0", "other0", "other1", "other2"}
    assert sum(len(found.duplicates) for found in hits) == 19


@pytest.mark.parametrize("reader", ["ann", "bob"])
def test_everybody_sees_a_copy_and_nobody_what_is_not_theirs(copies: RagBot, reader: str) -> None:
    hits = copies.search("receipts of a journey", 10, Filter(principals=(reader,)))
    (rule,) = [found for found in hits if found.chunk.text == RULE_EN]
    sources = [rule.chunk.document.source, *(copy.source for copy in rule.duplicates)]
    assert sorted(sources) == [f"{reader}/{n}" for n in range(10)]


def test_duplicates_can_be_kept(copies: RagBot) -> None:
    copies.retriever.options = RetrievalOptions(duplicates=False)
    hits = copies.search("receipts of a journey", 100)
    assert len(hits) == 23
    assert not any(found.duplicates for found in hits)


def test_as_many_as_there_are(copies: RagBot) -> None:
    assert len(copies.search("receipts of a journey", 100)) == 4
    assert len(copies.search("receipts of a journey", 1)) == 1


# -- diversity --------------------------------------------------------------------------------------------------------


def vector(angle: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


@pytest.mark.parametrize(
    ("diversity", "expected"),
    [
        (0.0, [1, 2, 3, 4]),
        (0.5, [1, 3, 2, 4]),  # 2 looks like 1, and 3 like neither
        (1.0, [1, 4, 3, 2]),
    ],
)
def test_maximal_marginal_relevance(diversity: float, expected: list[int]) -> None:
    hits = [hit(1, "a", 1.0), hit(2, "b", 0.9), hit(3, "c", 0.7), hit(4, "d", 0.1)]
    vectors = {1: vector(0.0), 2: vector(0.1), 3: vector(0.9), 4: vector(1.4)}
    shown = diversify(hits, vectors, diversity, 10)
    assert numbers(shown) == expected
    assert [found.components["diversity_rank"] for found in shown] == [1, 2, 3, 4]
    assert numbers(diversify(hits, vectors, diversity, 2)) == expected[:2]


def test_the_rerankers_order_is_what_counts() -> None:
    hits = [hit(1, "a", 0.1, rerank=9.0), hit(2, "b", 0.9, rerank=5.0), hit(3, "c", 0.8, rerank=1.0)]
    assert numbers(diversify(hits, {n: vector(n) for n in (1, 2, 3)}, 0.0, 3)) == [1, 2, 3]


def test_equal_scores_and_missing_vectors() -> None:
    hits = [hit(number, "a", 0.5) for number in (1, 2, 3)]
    assert numbers(diversify(hits, {}, 0.5, 3)) == [1, 2, 3]
    assert numbers(diversify(hits, {1: vector(0), 2: vector(0), 3: vector(0)}, 0.5, 3)) == [1, 2, 3]
    assert numbers(diversify(hits, {1: vector(0), 2: vector(0)}, 0.5, 3)) == [1, 3, 2]


def test_diversity_in_a_search(bot: RagBot) -> None:
    question = "How does a cache serve requests?"
    plain = bot.search(question, 3)
    bot.retriever.options = RetrievalOptions(diversity=0.7)
    shown = bot.search(question, 3)
    assert shown[0].chunk == plain[0].chunk
    assert [found.components["diversity_rank"] for found in shown] == [1, 2, 3]
    assert len({found.chunk.id for found in shown}) == 3
    bot.retriever.options = RetrievalOptions(diversity=0.0)
    assert bot.search(question, 3) == plain

"""Hits read again by a reranker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ragbot.documents import Chunk, Document, ScoredChunk
from ragbot.models.rerankers.base import Floats, Reranker
from ragbot.retrieval.reranking import contextualized, rerank

DOCUMENT = Document(1, "a.md", "Harbour", "md", "en", None, "")


class Lengths(Reranker):
    """The longer the better; a word is a token."""

    name = "lengths"

    def __init__(self, search_weight: float = 0.0) -> None:
        self.search_weight = search_weight
        self.read: list[str] = []

    def score(self, question: str, passages: Sequence[str]) -> Floats:
        self.read += passages
        return np.array([len(passage) for passage in passages], np.float32)

    def count_tokens(self, question: str, passages: Sequence[str]) -> list[int]:
        return [len(passage.split()) for passage in passages]


def hit(number: int, words: int, score: float, headings: tuple[str, ...] = ()) -> ScoredChunk:
    text = "word " * words
    return ScoredChunk(Chunk(number, DOCUMENT, number, text, 0, len(text), headings=headings), score, {"dense": 0.5})


HITS = [hit(1, 2, 5.0), hit(2, 9, 4.0), hit(3, 5, 3.0), hit(4, 7, 2.0), hit(5, 20, 1.0)]


def order(hits: Sequence[ScoredChunk]) -> list[int]:
    return [found.chunk.id for found in hits]


def test_what_is_read_is_ordered_and_the_rest_stays() -> None:
    found = rerank(Lengths(), "q", HITS, 3)
    assert order(found) == [2, 3, 1, 4, 5]
    assert [("rerank" in one.components) for one in found] == [True, True, True, False, False]
    assert found[0].score == 4.0 and found[0].components["dense"] == 0.5
    assert found[0].components["rerank"] == len(contextualized(HITS[1].chunk))


def test_the_searchs_score_counts_as_far_as_the_model_says() -> None:
    assert order(rerank(Lengths(search_weight=1000.0), "q", HITS, 5)) == [1, 2, 3, 4, 5]
    assert order(rerank(Lengths(search_weight=0.0), "q", HITS, 5)) == [5, 2, 4, 3, 1]
    found = rerank(Lengths(search_weight=2.0), "q", HITS[:1], 5)
    assert found[0].components["rerank"] == len(contextualized(HITS[0].chunk)) + 2.0 * 5.0


def test_equal_scores_keep_the_searchs_order() -> None:
    same = [hit(number, 3, 1.0) for number in range(1, 6)]
    assert order(rerank(Lengths(), "q", same, 5)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("tokens", "read"), [(1, 3), (20, 3), (28, 4), (1000, 5), (None, 5)])
def test_no_more_is_read_than_fits(tokens: int | None, read: int) -> None:
    model = Lengths()
    found = rerank(model, "q", HITS, 5, tokens)
    assert len(model.read) == read  # 3, 10, 6, 8 and 21 tokens with the title
    assert sorted(order(found)) == [1, 2, 3, 4, 5] and order(found)[read:] == order(HITS)[read:]


def test_nothing_found_nothing_read() -> None:
    model = Lengths()
    assert rerank(model, "q", [], 5, 100) == [] and rerank(model, "q", HITS, 0) == HITS and model.read == []


def test_what_is_read_is_what_was_embedded() -> None:
    assert contextualized(hit(1, 1, 0.0, ("Harbour", "Tides")).chunk) == "Harbour > Tides\nword "
    assert contextualized(hit(1, 1, 0.0, ("Tides",)).chunk) == "Harbour > Tides\nword "
    bare = Chunk(1, Document(1, "a", "", "txt", "zh", None, ""), 0, "潮位", 0, 2)
    assert contextualized(bare) == "潮位"

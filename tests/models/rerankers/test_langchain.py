"""Rerankers of both kinds in each other's place."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document

from ragbot.errors import RagbotError
from ragbot.models.rerankers.base import Floats, Reranker
from ragbot.models.rerankers.langchain import CrossEncoderReranker, RerankerCompressor, as_reranker


class Scripted(Reranker):
    name = "scripted"

    def __init__(self, scores: dict[str, float]) -> None:
        self._scores = scores

    def score(self, question: str, passages: Sequence[str]) -> Floats:
        return np.array([self._scores[passage] for passage in passages], np.float32)


class Encoder(BaseCrossEncoder):
    model_name = "owner/model"

    def __init__(self, rows: list[float]) -> None:
        self.rows = rows
        self.seen: list[tuple[str, str]] = []

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        self.seen += text_pairs
        return self.rows


DOCUMENTS = [Document(text, metadata={"source": text}, id=text) for text in ("二", "one", "three", "two")]
SCORES = {"二": 0.5, "one": -1.0, "three": 2.0, "two": 0.5}


def test_documents_come_in_the_order_of_their_scores() -> None:
    found = RerankerCompressor(reranker=Scripted(SCORES)).compress_documents(DOCUMENTS, "几？")
    assert [document.page_content for document in found] == ["three", "二", "two", "one"]  # equals keep their order
    assert [document.metadata["relevance_score"] for document in found] == [2.0, 0.5, 0.5, -1.0]
    assert found[0].metadata["source"] == found[0].id == "three"
    assert all("relevance_score" not in document.metadata for document in DOCUMENTS)


def test_top_n_are_kept() -> None:
    compressor = RerankerCompressor(reranker=Scripted(SCORES), top_n=2)
    assert [document.id for document in compressor.compress_documents(DOCUMENTS, "?")] == ["three", "二"]
    assert compressor.compress_documents([], "?") == []
    with pytest.raises(ValueError, match="top_n"):
        RerankerCompressor(reranker=Scripted(SCORES), top_n=0)


def test_it_works_asynchronously() -> None:
    found = asyncio.run(RerankerCompressor(reranker=Scripted(SCORES)).acompress_documents(DOCUMENTS, "?"))
    assert found[0].page_content == "three"


def test_a_cross_encoder_of_langchain_is_a_reranker() -> None:
    encoder = Encoder([0.25, 3.0])
    reranker = as_reranker(encoder)
    assert isinstance(reranker, CrossEncoderReranker)
    assert reranker.score("问", ["a", "b"]).tolist() == [0.25, 3.0]
    assert encoder.seen == [("问", "a"), ("问", "b")]
    assert reranker.name == "owner/model"


def test_a_reranker_stays_what_it_is() -> None:
    reranker = Scripted(SCORES)
    assert as_reranker(reranker) is reranker
    with pytest.raises(TypeError, match="not str"):
        as_reranker("bundled")  # type: ignore[arg-type]


def test_a_wrong_number_of_scores_is_found() -> None:
    with pytest.raises(RagbotError, match="gave 1 scores for 2 passages"):
        CrossEncoderReranker(Encoder([1.0])).score("?", ["a", "b"])
    with pytest.raises(RagbotError, match="not a number"):
        CrossEncoderReranker(Encoder([1.0, float("nan")])).score("?", ["a", "b"])

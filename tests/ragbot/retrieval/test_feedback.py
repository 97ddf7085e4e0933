"""Pseudo-relevance feedback: a vector moved towards the best hits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from ingest.chunkers.recursive import RecursiveChunker
from ingest.pipeline import ingest_documents
from ragbot.documents import ParsedDocument
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.testing import HashEmbedder
from ragbot.retrieval.candidates import gather
from ragbot.retrieval.feedback import moved
from ragbot.retrieval.retriever import HybridRetriever, RetrievalOptions

EMBEDDER = HashEmbedder()
QUESTION = "harbour 港口"


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    kb = KnowledgeBase(tmp_path_factory.mktemp("kb"), EMBEDDER.fingerprint)
    texts = {f"/{n}": ParsedDocument(f"harbour number {n} 港口第{n}号 of {n * 31}") for n in range(30)}
    ingest_documents(kb, EMBEDDER, RecursiveChunker(EMBEDDER.count_tokens, 64), texts)
    yield kb
    kb.close()


def test_by_the_formula(kb: KnowledgeBase) -> None:
    vector = EMBEDDER.encode_query(QUESTION)
    found = gather(kb, QUESTION, vector, 10, 0.7)
    _, relevant = kb.catalog.vectors_of(found.ids[:3].tolist())
    wanted = vector + 0.5 * relevant.mean(axis=0)
    np.testing.assert_allclose(moved(kb, vector, found, 3, 0.5), wanted / np.linalg.norm(wanted), atol=1e-6)
    np.testing.assert_allclose(moved(kb, vector, found, 3, 0.0), vector, atol=1e-6)
    assert moved(kb, vector, found, 0, 0.5) is vector


def test_the_order_is_that_of_the_second_search(kb: KnowledgeBase) -> None:
    options = RetrievalOptions(1.0, feedback=5.0, feedback_hits=1)
    plain = HybridRetriever(kb, EMBEDDER, RetrievalOptions(1.0)).search(QUESTION, 30)
    hits = HybridRetriever(kb, EMBEDDER, options).search(QUESTION, 30)
    _, (best,) = kb.catalog.vectors_of([plain[0].chunk.id])
    wanted = EMBEDDER.encode_query(QUESTION) + 5 * best
    near = {hit.chunk.id: float(kb.catalog.vectors_of([hit.chunk.id])[1][0] @ wanted) for hit in plain}
    assert [near[hit.chunk.id] for hit in hits] == pytest.approx(sorted(near.values(), reverse=True), abs=1e-5)
    assert [hit.chunk.id for hit in hits] != [hit.chunk.id for hit in plain]
    # What the hits tell is still about the question: the confidence of an answer rests on it.
    dense = {hit.chunk.id: hit.components["dense"] for hit in plain}
    assert {hit.chunk.id: pytest.approx(hit.components["dense"], abs=1e-6) for hit in hits} == dense


def test_nothing_found(tmp_path_factory: pytest.TempPathFactory) -> None:
    kb = KnowledgeBase(tmp_path_factory.mktemp("empty"), EMBEDDER.fingerprint)
    assert HybridRetriever(kb, EMBEDDER, RetrievalOptions(feedback=0.5)).search("anything") == []
    kb.close()

"""Several queries of one question: merged by score, and one alone as if nothing were merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from ingest.chunkers.recursive import RecursiveChunker
from ingest.pipeline import ingest_documents
from ragbot.documents import ParsedDocument
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.embedders.base import Progress, Vectors
from ragbot.models.rerankers.base import Reranker
from ragbot.models.testing import HashEmbedder
from ragbot.retrieval.candidates import Candidates, gather_all
from ragbot.retrieval.queries import Query, merge, questions_of, weighted, with_passages
from ragbot.retrieval.retriever import HybridRetriever, RetrievalOptions

EMBEDDER = HashEmbedder()
TEXTS = {
    "harbour": "The harbour of Aalto was dredged in 1911 and its lighthouse is painted green.",
    "river": "长江全长六千三百公里，流经重庆和武汉，最后注入东海。",
    "bridge": "The bridge over the Vire was closed in 1974 after the flood.",
    "wine": "Wine from the slopes above the village is sold in autumn.",
    "loom": "织机在十九世纪改变了纺织业。",
}


class DirectedEmbedder(HashEmbedder):
    """Embeds a document against the direction that a question of the same words has."""

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        return -super().encode_documents(texts, progress)


class FixedReranker(Reranker):
    """Scores by place, and remembers the question that it is given."""

    name = "fixed"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def score(self, question: str, passages: Sequence[str]) -> Vectors:
        self.asked.append(question)
        return np.arange(len(passages), dtype=np.float32)


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    kb = KnowledgeBase(tmp_path_factory.mktemp("kb"), EMBEDDER.fingerprint)
    filling = {f"/fill/{n}": ParsedDocument(f"Note {n}: item {n * 7} of the list, number {n}.") for n in range(30)}
    named = {f"/{name}": ParsedDocument(text) for name, text in TEXTS.items()}
    ingest_documents(kb, EMBEDDER, RecursiveChunker(EMBEDDER.count_tokens, 64), {**named, **filling})
    yield kb
    kb.close()


def sources(retriever: HybridRetriever, *queries: Query, top_k: int = 3) -> list[str]:
    return [hit.chunk.document.source for hit in retriever.search_many(queries, top_k)]


@pytest.mark.parametrize("question", ["harbour of Aalto", "长江流经哪些城市", "item 21", "nothing of this"])
@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_one_query_is_a_search(kb: KnowledgeBase, question: str, weight: float) -> None:
    retriever = HybridRetriever(kb, EMBEDDER)
    hits = retriever.search(question, 7)
    assert retriever.search_many([Query(question)], 7) == hits
    assert hits and "query" not in hits[0].components
    assert [hit.chunk.id for hit in retriever.search_many([Query(question, weight)], 7)] == [h.chunk.id for h in hits]


@pytest.mark.parametrize(
    ("one", "other"), [("harbour of Aalto dredged", "长江流经重庆"), ("织机 纺织业", "the bridge over the Vire")]
)
def test_each_query_brings_its_own(kb: KnowledgeBase, one: str, other: str) -> None:
    retriever = HybridRetriever(kb, EMBEDDER, RetrievalOptions(candidates=3))
    (first,), (second,) = sources(retriever, Query(one), top_k=1), sources(retriever, Query(other), top_k=1)
    assert first != second
    hits = retriever.search_many([Query(one), Query(other)], 2)
    assert {hit.chunk.document.source for hit in hits} == {first, second}
    assert {hit.components["query"] for hit in hits} == {1.0, 2.0}


def test_a_hit_tells_about_the_question_itself(kb: KnowledgeBase) -> None:
    retriever = HybridRetriever(kb, EMBEDDER)
    alone = {hit.chunk.id: hit.components for hit in retriever.search("harbour", 100)}
    many = [Query("harbour"), Query("长江"), Query("a flood closed the bridge", passage=True)]
    for hit in retriever.search_many(many, 100):
        for name in ("dense", "lexical", "dense_z", "lexical_z"):
            assert hit.components[name] == pytest.approx(alone[hit.chunk.id][name], abs=1e-5)


def test_the_weight_decides(kb: KnowledgeBase) -> None:
    retriever = HybridRetriever(kb, EMBEDDER)
    one, other = "harbour of Aalto", "the bridge over the Vire"
    assert sources(retriever, Query(one), Query(other, 0.1), top_k=1) == ["/harbour"]
    assert sources(retriever, Query(one, 0.1), Query(other), top_k=1) == ["/bridge"]
    assert sources(retriever, Query(one), Query(other, 0)) == sources(retriever, Query(one))


def test_a_passage_is_embedded_as_a_document_and_its_words_are_not_looked_up(kb: KnowledgeBase) -> None:
    question, passage = "harbour of Aalto", "the bridge over the Vire was closed"
    options = RetrievalOptions(dense_weight=1.0)
    towards = HybridRetriever(kb, EMBEDDER, options)
    away = HybridRetriever(kb, DirectedEmbedder(), options)
    hypothetical = Query(passage, 3.0, passage=True)
    assert sources(towards, Query(question), hypothetical, top_k=1) == ["/bridge"]
    assert "/bridge" not in sources(away, Query(question), hypothetical)
    lexical = HybridRetriever(kb, EMBEDDER, RetrievalOptions(dense_weight=0.0))
    assert sources(lexical, Query(question), hypothetical) == sources(lexical, Query(question))


def test_passages_are_averaged_into_every_question() -> None:
    queries = [Query("a"), Query("b"), Query("c d", 0.5, passage=True), Query(" ", passage=True)]
    own = [EMBEDDER.encode_query(text) for text in ("a", "b")]
    for vector, moved in zip(own, with_passages(EMBEDDER, own, queries), strict=True):
        wanted = vector + 0.5 * EMBEDDER.encode_query("c d")
        np.testing.assert_allclose(moved, wanted / np.linalg.norm(wanted), atol=1e-6)
    assert with_passages(EMBEDDER, own, queries[:2]) is own


def test_which_are_looked_up() -> None:
    first, second = Query("q"), Query("r", 0.5)
    assert questions_of([first, Query(""), Query("x", 0), Query("p", passage=True), second]) == [first, second]


@pytest.mark.parametrize("queries", [[], [Query(" ")], [Query(""), Query("harbour")]])
def test_no_question_finds_nothing(kb: KnowledgeBase, queries: list[Query]) -> None:
    assert HybridRetriever(kb, EMBEDDER).search_many(queries) == []


def test_filters_hold_for_every_query(kb: KnowledgeBase) -> None:
    where = Filter(sources=("/river",))
    hits = HybridRetriever(kb, EMBEDDER).search_many([Query("harbour"), Query("bridge"), Query("长江")], 9, where)
    assert [hit.chunk.document.source for hit in hits] == ["/river"]


def test_the_reranker_reads_the_question(kb: KnowledgeBase) -> None:
    reranker = FixedReranker()
    retriever = HybridRetriever(kb, EMBEDDER, reranker=reranker)
    retriever.search_many([Query("harbour"), Query("长江"), Query("p", passage=True)], 3)
    assert reranker.asked == ["harbour"]


def test_merging_takes_the_best_weighted_score(kb: KnowledgeBase) -> None:
    asked = [(text, EMBEDDER.encode_query(text)) for text in ("harbour of Aalto", "长江流经哪些城市")]
    found = gather_all(kb, asked, 5, 0.7)
    assert sorted(found[0].ids) == sorted(found[1].ids) and len(found[0]) > 5
    merged = merge(found, [1.0, 0.5], found[0])
    tops = [float(one.fused.max()) for one in found]
    found = [Candidates(one.ids, one.fused * (tops[0] / top), one.parts) for one, top in zip(found, tops, strict=True)]
    best = {
        int(identity): max(
            float(one.fused[list(one.ids).index(identity)])
            * (weight if one.fused[list(one.ids).index(identity)] > 0 else 1)
            for one, weight in zip(found, [1.0, 0.5], strict=True)
        )
        for identity in merged.ids
    }
    np.testing.assert_allclose(merged.fused, [best[int(identity)] for identity in merged.ids], rtol=1e-5)
    assert list(merged.fused) == sorted(merged.fused, reverse=True)


def test_a_small_weight_raises_nothing() -> None:
    scores = np.array([[2.0, -2.0], [4.0, -4.0]], np.float32)
    assert weighted(scores, [1.0, 0.5]).tolist() == [[2.0, -2.0], [1.0, -4.0]]


def test_best_hits_count_alike() -> None:
    scores = np.array([[2.0, 1.0, 0.0], [1.0, 8.0, 4.0], [0.0, -1.0, 0.0]], np.float32)
    assert weighted(scores, [1.0, 1.0, 1.0]).tolist() == [[2.0, 1.0, 0.0], [0.25, 2.0, 1.0], [0.0, -1.0, 0.0]]


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_is_a_number_from_zero(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        Query("x", weight)

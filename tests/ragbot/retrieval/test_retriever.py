"""The hybrid retriever: both halves, their filters, their scores, and one order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from ingest.chunkers.recursive import RecursiveChunker
from ingest.pipeline import ingest_documents
from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.errors import CorruptError
from ragbot.generation.chain import AnswerChain
from ragbot.generation.extractive import ExtractiveAnswerer
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.lexical import LexicalScores
from ragbot.models.embedders.base import Progress, Vectors
from ragbot.models.testing import HashEmbedder
from ragbot.retrieval.candidates import gather_all
from ragbot.retrieval.expand import expand
from ragbot.retrieval.retriever import HybridRetriever, RetrievalOptions

EMBEDDER = HashEmbedder()


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    kb = KnowledgeBase(tmp_path_factory.mktemp("kb"), EMBEDDER.fingerprint)
    chunker = RecursiveChunker(EMBEDDER.count_tokens, 24)
    public: dict[str, ParsedDocument] = {}
    for number in range(30):
        kind, language, date = ("md", "pdf")[number % 2], ("en", "zh")[number % 3 == 0], f"2024-{number % 12 + 1:02}-01"
        words = f"Report {number}: the budget of the harbour is {number} million. 预算是{number}亿元。"
        parsed = ParsedDocument(
            f"{words}\n\nThe dredging of basin {number} took {number} weeks in all.",
            type=kind,
            language=language,
            date=date,
        )
        source = f"/{kind}/{number:02}"
        if number % 5:
            public[source] = parsed
        else:
            ingest_documents(kb, EMBEDDER, chunker, {source: parsed}, acl=(f"user{number}", "staff"))
    ingest_documents(kb, EMBEDDER, chunker, public)
    yield kb
    kb.close()


@pytest.fixture
def retriever(kb: KnowledgeBase) -> HybridRetriever:
    return HybridRetriever(kb, EMBEDDER)


def passes(where: Filter, source: str) -> bool:
    """The filter, once more, over what the fixture stored."""
    number = int(source[-2:])
    return all(
        [
            not where.types or source[1:-3] in where.types,
            not where.languages or ("en", "zh")[number % 3 == 0] in where.languages,
            not where.since or f"2024-{number % 12 + 1:02}-01" >= where.since,
            not where.until or f"2024-{number % 12 + 1:02}-01" <= where.until,
            where.principals is None or number % 5 != 0 or {f"user{number}", "staff"} & set(where.principals),
            not where.sources or any(source == s or source.startswith(s + "/") for s in where.sources),
        ]
    )


@pytest.mark.parametrize("weight", [0.0, 0.7, 1.0])
@pytest.mark.parametrize(
    "where",
    [
        Filter(types=("pdf",)),
        Filter(languages=("zh",)),
        Filter(since="2024-05-01", until="2024-07-01"),
        Filter(principals=()),
        Filter(principals=("user10",)),
        Filter(principals=("staff",), types=("md",)),
        Filter(sources=("/md",)),
        Filter(sources=("/pdf/07", "/md/10"), principals=("nobody",)),
        Filter(types=("docx",)),
    ],
)
def test_filters_hold_in_both_halves(kb: KnowledgeBase, where: Filter, weight: float) -> None:
    retriever = HybridRetriever(kb, EMBEDDER, RetrievalOptions(weight, candidates=5))
    expected = {document.source for document in kb.catalog.documents() if passes(where, document.source)}
    for question in ("budget of the harbour", "预算 10 亿元", "unrelated words", "10"):
        hits = retriever.search(question, 100, where)
        assert {hit.chunk.document.source for hit in hits} == expected
        few = retriever.search(question, 3, where)
        assert len(few) == min(3, len(hits))
        assert {hit.chunk.document.source for hit in few} <= expected


def test_what_a_principal_may_not_see_is_nowhere(kb: KnowledgeBase, retriever: HybridRetriever) -> None:
    where = Filter(principals=("user5",))
    chain = AnswerChain(kb, retriever, ExtractiveAnswerer(kb, EMBEDDER), min_confidence=0.0)
    for number in (0, 5, 10):
        question = f"What is the budget of report {number}? basin {number}"
        answer = chain.ask(question, where=where)
        seen = [
            *(hit.chunk.document.source for hit in answer.hits),
            *(citation.source for citation in answer.citations),
            *(passage.document.source for passage in expand(kb.catalog, answer.hits, 3)),
        ]
        assert seen
        assert all(passes(where, source) for source in seen)
        assert (f"/{('md', 'pdf')[number % 2]}/{number:02}" in seen) == (number == 5)


def test_scores_are_made_of_both_halves(kb: KnowledgeBase, retriever: HybridRetriever) -> None:
    question = "budget of the harbour"
    hits = retriever.search(question, 1000)
    assert len(hits) == kb.catalog.counts()["chunks"]
    query = EMBEDDER.encode_query(question)
    changes = next(iter(kb.catalog.changes(0, 10_000)))
    dense = dict(zip(changes.added, changes.vectors @ query, strict=True))
    language_of = dict(zip(changes.added, changes.languages, strict=True))
    for hit in hits:
        parts = hit.components
        group = [dense[identity] for identity in dense if language_of[identity] == hit.chunk.document.language]
        everything = np.array(group if len(group) >= 20 else list(dense.values()))
        assert parts["dense"] == pytest.approx(dense[hit.chunk.id], abs=1e-5)
        assert parts["dense_z"] == pytest.approx((parts["dense"] - everything.mean()) / everything.std(), abs=1e-3)
        if hit.chunk.document.language == "en":  # words of another language count by rules of their own
            assert hit.score == pytest.approx(0.7 * parts["dense_z"] + 0.3 * parts["lexical_z"], abs=1e-5)
    lexical = np.array([hit.components["lexical"] for hit in hits])
    z = np.array([hit.components["lexical_z"] for hit in hits])
    np.testing.assert_allclose(z, (lexical - lexical.mean()) / lexical.std(), atol=1e-3)


def test_statistics_are_those_of_the_collection_and_not_of_what_passes(retriever: HybridRetriever) -> None:
    free = {hit.chunk.id: hit for hit in retriever.search("harbour budget", 1000)}
    for hit in retriever.search("harbour budget", 1000, Filter(types=("pdf",))):
        for part in ("dense_part", "lexical_part"):
            assert hit.components[part] == pytest.approx(free[hit.chunk.id].components[part], abs=1e-6)


def test_order(retriever: HybridRetriever) -> None:
    hits = retriever.search("the dredging of basin", 1000)
    keys = [(-hit.score, hit.chunk.id) for hit in hits]
    assert keys == sorted(keys)
    for _ in range(3):
        assert retriever.search("the dredging of basin", 1000) == hits
    assert retriever.search("the dredging of basin", 7) == hits[:7]


@pytest.mark.parametrize("question", ["", "   ", "\n\t", "\u3000"])
def test_empty_question(retriever: HybridRetriever, question: str) -> None:
    assert retriever.search(question) == []


@pytest.mark.parametrize("question", ["？？？", "🎉", "\ud83d", "a" * 50_000, "' OR 1=1; --", "\0"])
def test_odd_questions(retriever: HybridRetriever, question: str) -> None:
    assert len(retriever.search(question, 5)) == 5


@pytest.mark.parametrize("top_k", [0, -1])
def test_top_k_below_one(retriever: HybridRetriever, top_k: int) -> None:
    with pytest.raises(ValueError, match="top_k"):
        retriever.search("harbour", top_k)


def test_empty_knowledge_base(kb_folder: Path) -> None:
    kb = KnowledgeBase(kb_folder, EMBEDDER.fingerprint)
    retriever = HybridRetriever(kb, EMBEDDER)
    assert retriever.search("anything") == []
    assert retriever.search("anything", where=Filter(types=("md",))) == []
    kb.close()


def test_one_chunk(kb_folder: Path) -> None:
    kb = KnowledgeBase(kb_folder, EMBEDDER.fingerprint)
    chunker = RecursiveChunker(EMBEDDER.count_tokens, 64)
    ingest_documents(kb, EMBEDDER, chunker, {"note": ParsedDocument("The key is under the mat.")})
    (hit,) = HybridRetriever(kb, EMBEDDER).search("Where is the key?")
    assert hit.chunk.text == "The key is under the mat."
    assert np.isfinite(hit.score)
    kb.close()


def test_found_by_words_alone(bot: RagBot) -> None:
    hits = bot.search("Aalto")
    assert hits[0].chunk.document.source.endswith("plain.txt")
    assert hits[0].components["lexical"] > 0


def test_equal_texts_are_all_found(kb_folder: Path) -> None:
    kb = KnowledgeBase(kb_folder, EMBEDDER.fingerprint)
    chunker = RecursiveChunker(EMBEDDER.count_tokens, 64)
    same = ParsedDocument("A sentence that stands in many files.")
    ingest_documents(kb, EMBEDDER, chunker, {f"copy{number}": same for number in range(20)})
    options = RetrievalOptions(candidates=5, duplicates=False)
    hits = HybridRetriever(kb, EMBEDDER, options).search("sentence in files", 20)
    assert [hit.chunk.document.source for hit in hits] == [f"copy{number}" for number in range(20)]
    kb.close()


def test_the_other_language_can_stand_out(kb_folder: Path) -> None:
    """A multilingual embedder puts a question nearer to all that is in its language; the one right chunk must be found."""

    class Biased(HashEmbedder):
        def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
            return np.array([self._vector(text) for text in texts], np.float32)

        def encode_query(self, text: str) -> Vectors:
            return np.eye(1, 64, dtype=np.float32)[0]

        def _vector(self, text: str) -> Vectors:
            # A cosine of 0.9 to all in English, 0.5 to all in Chinese, 0.7 to the one that answers; a little noise.
            cosine = (
                0.7
                if "answer" in text
                else (0.9 if text.startswith("en") else 0.5) + 0.01 * np.sin(sum(map(ord, text)))
            )
            row = np.zeros(64, np.float32)
            row[0], row[1 if text.startswith("en") else 2] = cosine, np.sqrt(1 - cosine**2)
            return row

    with RagBot.open(kb_folder, embedder=Biased()) as bot:
        bot.ingest_documents({f"en{n}": ParsedDocument(f"en {n}", language="en") for n in range(150)})
        bot.ingest_documents({f"zh{n}": ParsedDocument(f"zh {n}", language="zh") for n in range(40)})
        bot.ingest_documents({"right": ParsedDocument("zh answer", language="zh")})
        assert bot.search("Q", 1)[0].chunk.document.source == "right"


def test_words_that_were_looked_up_before_a_change_are_looked_up_again(kb_folder: Path) -> None:
    with closing(KnowledgeBase(kb_folder, EMBEDDER.fingerprint)) as kb:
        chunker = RecursiveChunker(EMBEDDER.count_tokens, 24)
        for number, text in enumerate(("The harbour of Aalto.", "港口的历史。")):
            ingest_documents(kb, EMBEDDER, chunker, {f"/{number}": ParsedDocument(text)})
        question = "zebra 港口"
        vector = EMBEDDER.encode_query(question)
        ahead = {question: kb.lexical.score(question)}
        ingest_documents(kb, EMBEDDER, chunker, {"/new": ParsedDocument("A zebra stood there.")})
        found = gather_all(kb, [(question, vector)], 5, 0.7, ahead=ahead)[0]
        fresh = gather_all(kb, [(question, vector)], 5, 0.7)[0]
        assert found.ids.tolist() == fresh.ids.tolist()
        assert found.parts["lexical"].tolist() == fresh.parts["lexical"].tolist()
        assert (found.parts["lexical"] > 0).sum() == 2


def test_words_are_looked_up_once(kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, score = list[str](), kb.lexical.score

    def watched(text: str) -> LexicalScores:
        asked.append(text)
        return score(text)

    monkeypatch.setattr(kb.lexical, "score", watched)
    HybridRetriever(kb, EMBEDDER).search("港口的预算是多少？", 3)
    assert asked.count("港口的预算是多少？") == 1


def test_an_error_while_words_are_looked_up_arrives(kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> None:
        raise CorruptError("lexical.ragbot is damaged")

    monkeypatch.setattr(kb.lexical, "score", broken)
    with pytest.raises(CorruptError, match="is damaged"):
        HybridRetriever(kb, EMBEDDER).search("harbour", 3)


def test_several_threads_find_what_one_finds(retriever: HybridRetriever) -> None:
    questions = [f"the dredging of basin {number}" for number in range(10)] + ["预算是多少", "港口 7 亿元"]
    expected = [[(hit.chunk.id, hit.score) for hit in retriever.search(question)] for question in questions]
    with ThreadPoolExecutor(6) as pool:
        for found in (list(pool.map(retriever.search, questions)) for _ in range(4)):
            assert [[(hit.chunk.id, hit.score) for hit in hits] for hits in found] == expected

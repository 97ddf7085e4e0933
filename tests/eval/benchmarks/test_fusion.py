"""The benchmark of fusion measures what a search does, and its questions name what is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from eval.benchmarks.fusion import ranked, show
from eval.benchmarks.fusion_collection import Bm25, Collection
from eval.benchmarks.fusion_languages import FILE, bench_questions, corpus_questions, rows
from eval.benchmarks.fusion_scores import FUSIONS, LANGUAGE_FUSIONS, ours, rank_fusion
from eval.benchmarks.fusion_terms import ANALYSES
from eval.datasets.base import Question, Span
from eval.datasets.squad import read_squad
from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.errors import SourceError
from ragbot.index.analysis import terms
from ragbot.models.testing import HashEmbedder
from ragbot.retrieval.candidates import gather

CORPUS = Path(__file__).parents[3] / "data" / "corpus"
EMBEDDER = HashEmbedder()
GOLD = Question("q", "How long is bridge 7?", gold=((Span("en/7", 0, 8),),), document="en/7", language="en")


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RagBot]:
    made = {f"en/{n}": ParsedDocument(f"Bridge {n} is {n * 7} metres long.", language="en") for n in range(30)}
    made |= {f"zh/{n}": ParsedDocument(f"第{n}号隧道长{n * 9}米。", language="zh") for n in range(30)}
    with RagBot.open(tmp_path_factory.mktemp("kb"), embedder=EMBEDDER) as opened:
        opened.ingest_documents(made)
        yield opened


@pytest.mark.parametrize("question", ["How long is bridge 7?", "第7号隧道有多长？", "7"])
def test_scores_and_order_are_those_of_a_search(bot: RagBot, question: str) -> None:
    collection = Collection(bot)
    scores = collection.scores(question, Bm25(collection.texts, terms))
    vector = EMBEDDER.encode_query(question)
    found = gather(bot.kb, question, vector, 1000, 0.7)
    place = np.searchsorted(collection.ids, found.ids)
    np.testing.assert_allclose(scores.lexical[place], found.parts["lexical"], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ours(scores)[place], found.fused, rtol=1e-3, atol=1e-3)
    by_rank = gather(bot.kb, question, vector, 1000, 0.7, fusion="rrf")
    best = collection.ids[np.argmax(rank_fusion(scores))]
    assert rank_fusion(scores).max() == pytest.approx(by_rank.fused[0], rel=1e-4)
    assert best in by_rank.ids[:3]


def test_what_is_found(bot: RagBot) -> None:
    collection = Collection(bot)
    row = collection.places.index(next(place for place in collection.places if place[0] == "en/7"))
    fused = np.zeros(len(collection.ids), np.float32)
    fused[row] = 2
    assert collection.found(GOLD, fused) == (1, 1, 1)
    fused[[(row + step) % len(fused) for step in (1, 2)]] = 3
    assert collection.found(GOLD, fused) == (1, 1, pytest.approx(1 / 3))
    fused[[(row + step) % len(fused) for step in range(1, 50)]] = 3
    assert collection.found(GOLD, fused) == (0, 0, 0)


def test_tables(bot: RagBot, capsys: pytest.CaptureFixture[str]) -> None:
    collection = Collection(bot)
    results = ranked(collection, Bm25(collection.texts, terms), [GOLD], {**FUSIONS, **LANGUAGE_FUSIONS})
    assert all(len(values) == 1 for values in results.values())
    show("a title", results, [GOLD])
    printed = capsys.readouterr().out
    assert "### a title (1 questions, 1 documents)" in printed
    assert printed.count("\n| ") == len(results) + 2


@pytest.mark.parametrize("name", ANALYSES)
def test_analyses(name: str) -> None:
    found = ANALYSES[name]("The GPT-4 models 與機器學習 of 1998")
    assert "1998" in found
    assert all(found)


def test_analyses_leave_out_what_they_say() -> None:
    assert ANALYSES["no stems"]("running") == ["running"]
    assert ANALYSES["stems alone"]("running") == ["run"]
    assert ANALYSES["plurals alone"]("models studies bus") == ["model", "study", "bus"]
    assert "the" not in ANALYSES["no stop words"]("the bridge")
    assert ANALYSES["Chinese bigrams alone"]("機器學習") == ["机器", "器学", "学习"]
    assert ANALYSES["Chinese words alone"]("機器學習") == ["机器", "学习"]
    assert ANALYSES["no folding, no stems"]("機器") != ANALYSES["no folding, no stems"]("机器")


def test_questions_over_the_corpus_name_spans_of_it(tmp_path: Path) -> None:
    with RagBot.open(tmp_path / "kb", embedder=EMBEDDER) as opened:
        opened.ingest(CORPUS / "en" / "fine-tuning-and-lora.md", CORPUS / "en" / "tokenization.md")
        with pytest.raises(SourceError, match=r"there is no zh/.* ingest data/corpus"):
            corpus_questions(opened.kb.catalog.documents())
        opened.ingest(CORPUS / "zh" / "微调与LoRA.md", CORPUS / "zh" / "提示工程.md")
        documents = {document.source: document for document in opened.kb.catalog.documents()}
        questions = corpus_questions(list(documents.values()))
        assert len(questions) == 40
        texts = {source: opened.document_text(document.id) for source, document in documents.items()}
        for question in questions:
            (span,) = question.gold[0]
            assert documents[span.source].language == {"zh": "en", "en": "zh"}[question.language]
            assert texts[span.source][span.start : span.end].strip()
        first = next(question for question in questions if question.id == "cross-zh-001")
        (span,) = first.gold[0]
        assert texts[span.source][span.start : span.end] == "20 of 25 datasets"


def test_the_file_says_each_thing_once() -> None:
    everything = rows()
    assert len({row["id"] for row in everything}) == len({row["question"] for row in everything}) == len(everything)
    for language in ("zh", "en"):
        own = [row for row in everything if row["language"] == language]
        assert sum("set" in row for row in own) >= 34
        assert sum("document" in row for row in own) == 20


def test_questions_over_a_set_are_found_by_article_and_start(tmp_path: Path) -> None:
    row = next(row for row in rows() if row.get("set") == "squad2_en")
    filler = {"context": "x" * 10, "qas": []}
    answered = {
        "context": "y" * row["answer_start"] + "gold",
        "qas": [{"id": "1", "question": "?", "answers": [{"text": "gold", "answer_start": row["answer_start"]}]}],
    }
    before = [{"title": "t", "paragraphs": [filler]}] * row["article"]
    article = {"title": "t", "paragraphs": [filler] * row["paragraph"] + [answered]}
    path = tmp_path / "squad2_en.json"
    path.write_text(json.dumps({"data": [*before, article]}), encoding="utf-8")
    sets = {"squad2_en": read_squad(path)}
    (question,) = bench_questions(tmp_path, sets, [row])
    (span,) = question.gold[0]
    assert sets["squad2_en"].documents[span.source].text[span.start : span.end] == "gold"
    with pytest.raises(SourceError, match="has no answer at"):
        bench_questions(tmp_path, sets, [{**row, "answer_start": row["answer_start"] + 1}])


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert FILE.is_file()
    with pytest.raises(SourceError, match="restore it"):
        rows(tmp_path / "none.jsonl")

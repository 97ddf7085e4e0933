"""Why a hit stands where it does: the table adds up, the words are those of the index, the steps say what they did."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.index.filters import Filter
from ragbot.models.testing import HashEmbedder
from ragbot.retrieval.explanation import ExplainedHit, Explanation
from ragbot.retrieval.retriever import HybridRetriever, RetrievalOptions

RULE = (
    "Receipts of a journey are handed in within 30 days. Travel in the country is paid back in full. "
    "The harbour office answers questions."
)


class Backwards:
    """A reranker that likes the last hit best."""

    name = "backwards"
    search_weight = 0.0

    def score(self, question: str, passages: Sequence[str]) -> list[float]:
        return [float(number) for number in range(len(passages))]

    def count_tokens(self, question: str, passages: Sequence[str]) -> list[int]:
        return [1] * len(passages)


@pytest.fixture
def bot(kb_folder: Path) -> Iterator[RagBot]:
    with RagBot.open(kb_folder, embedder=HashEmbedder()) as opened:
        opened.ingest_documents(
            {
                "rule.txt": ParsedDocument(RULE, type="txt"),
                "copy.md": ParsedDocument(RULE.upper(), type="md"),
                "harbour.md": ParsedDocument("The harbour of Aalto was dredged in 1911.", type="md"),
                "港口.md": ParsedDocument("港口的预算是三亿元，用于疏浚航道。", type="md", language="zh"),
            }
        )
        opened.ingest_documents({"secret.md": ParsedDocument("The harbour holds a secret.", type="md")}, acl=("ann",))
        yield opened


def component(explained: ExplainedHit, name: str) -> tuple[float | None, int | None, float | None]:
    found = next(item for item in explained.components if item.name == name)
    return found.score, found.rank, found.part


def test_the_hits_are_those_of_the_search(bot: RagBot) -> None:
    explained = bot.explain("harbour of Aalto", 3)
    assert [item.hit for item in explained.hits] == bot.search("harbour of Aalto", 3)
    assert [item.rank for item in explained.hits] == [1, 2, 3]
    assert (explained.chunks, explained.searched) == (5, 5)


@pytest.mark.parametrize("question", ["harbour of Aalto", "港口的预算是多少？", "nothing of this qwertz"])
def test_the_parts_add_up(bot: RagBot, question: str) -> None:
    for explained in bot.explain(question).hits:
        parts = [item.part for item in explained.components if item.name in {"dense", "lexical", "language"}]
        assert None not in parts
        assert sum(part or 0 for part in parts) == pytest.approx(explained.hit.score, abs=1e-5)
        assert component(explained, "fused")[0] == explained.hit.score


def test_terms_and_their_worth(bot: RagBot) -> None:
    found = {term.text: term for term in bot.explain("harbour zeppelin").terms}
    assert found["harbour"].chunks == 4
    assert found["harbour"].idf == pytest.approx(math.log(1 + (5 - 4 + 0.5) / (4 + 0.5)))
    assert found["zeppelin"].chunks == 0
    assert [term.chunks > 0 for term in bot.explain("zeppelin harbour").terms] == sorted(
        (term.chunks > 0 for term in found.values()), reverse=True
    )


def test_chinese_words_and_pairs(bot: RagBot) -> None:
    explained = bot.explain("港口的预算是多少？")
    kinds = {term.text: term.kind for term in explained.terms}
    assert kinds["港口"] == kinds["预算"] == "word"
    assert kinds["口的"] == "pair"
    (hit,) = [item for item in explained.hits if item.hit.chunk.document.source == "港口.md"]
    assert {"港口", "预算"} <= set(hit.matched)
    (other,) = [item for item in explained.hits if item.hit.chunk.document.source == "harbour.md"]
    assert other.matched == ()


def test_duplicates_are_a_step(bot: RagBot) -> None:
    explained = bot.explain("Receipts of a journey")
    assert [(step.name, step.removed) for step in explained.steps] == [("duplicates", 1)]
    assert [len(item.hit.duplicates) for item in explained.hits] == [1, 0, 0, 0]


def test_what_a_filter_keeps_out(bot: RagBot) -> None:
    explained = bot.explain("harbour", 5, Filter(types=("txt",)))
    assert (explained.chunks, explained.searched) == (5, 1)
    assert [(step.name, step.removed) for step in explained.steps] == [("filter", 3)]


@pytest.mark.parametrize("where", [Filter(principals=()), Filter(principals=(), types=("md",))])
def test_nobody_learns_what_is_not_theirs(bot: RagBot, where: Filter) -> None:
    explained = bot.explain("harbour secret", 5, where)
    assert explained.chunks == 4
    assert "secret.md" not in repr(explained.hits)
    assert sum(step.removed for step in explained.steps if step.name == "filter") <= 3


def moved(explained: Explanation) -> dict[str, int]:
    return {step.name: step.moved for step in explained.steps}


def test_a_reranker_and_diversity(bot: RagBot) -> None:
    bot.retriever = HybridRetriever(
        bot.kb, bot.embedder, RetrievalOptions(duplicates=False, rerank_candidates=3), Backwards()
    )
    explained = bot.explain("harbour of Aalto", 4)
    assert [component(item, "fused")[1] for item in explained.hits] == [3, 2, 1, 4]
    assert [component(item, "reranker")[1] for item in explained.hits[:3]] == [1, 2, 3]
    assert [item.name for item in explained.hits[3].components] == ["dense", "lexical", "fused"]
    assert moved(explained) == {"reranker": 2}
    bot.retriever.options = RetrievalOptions(duplicates=False, rerank_candidates=3, diversity=0.9)
    explained = bot.explain("harbour of Aalto", 4)
    assert [item.components[-1].name for item in explained.hits] == ["diversity"] * 3 + ["fused"]
    assert moved(explained)["reranker"] == 2


@pytest.mark.parametrize("question", ["", "   ", "？？？", "🎉"])
def test_odd_questions(bot: RagBot, question: str) -> None:
    explained = bot.explain(question, 2)
    assert explained.terms == ()
    assert len(explained.hits) == (2 if question.strip() else 0)


def test_empty_knowledge_base(tmp_path: Path) -> None:
    with RagBot.open(tmp_path / "empty", embedder=HashEmbedder()) as bot:
        explained = bot.explain("anything", where=Filter(types=("md",)))
        assert (explained.hits, explained.chunks, explained.searched) == ((), 0, 0)
        assert explained.terms[0].chunks == 0

"""Filters that let few through: all of these are found, in the order that they have without a filter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragbot.bot import RagBot
from ragbot.documents import ParsedDocument
from ragbot.index.filters import Filter
from ragbot.index.labels import Labels
from ragbot.models.testing import HashEmbedder
from ragbot.retrieval.retriever import RetrievalOptions

#: More than an index compares exactly where a filter lets few through.
DOCUMENTS = 1_500
RARE = 7


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RagBot]:
    with RagBot.open(tmp_path_factory.mktemp("kb") / "kb", embedder=HashEmbedder()) as opened:
        documents = {
            f"{number}": ParsedDocument(
                f"Basin {number} of the harbour. 第 {number} 号码头。", metadata={"tags": f"b{number % 3}"}
            )
            for number in range(DOCUMENTS)
        }
        rare = {source: documents.pop(source) for source in [str(number) for number in range(100, 1500, 200)]}
        assert len(rare) == RARE
        opened.ingest_documents(documents)
        opened.ingest_documents(rare, labels=Labels(("Rare",), "Few"))
        opened.retriever.options = RetrievalOptions(candidates=5)
        yield opened


@pytest.mark.parametrize("question", ["harbour basin 300", "第 700 号码头在哪里？", "nothing of this"])
@pytest.mark.parametrize(
    "where",
    [Filter(tags=("rare",)), Filter(collections=("FEW",)), Filter(tags=("b0", "b1", "b2"), collections=("few",))],
)
def test_all_of_the_few_are_found(bot: RagBot, question: str, where: Filter) -> None:
    everything = [hit.chunk.document.source for hit in bot.search(question, 1_000)]
    found = [hit.chunk.document.source for hit in bot.search(question, 100, where)]
    assert len(found) == RARE
    expected = [source for source in everything if source in found]
    assert [source for source in found if source in everything] == expected
    few = [hit.chunk.document.source for hit in bot.search(question, 3, where)]
    assert few == found[:3]


def test_a_filter_of_many(bot: RagBot) -> None:
    hits = bot.search("harbour basin", 50, Filter(tags=("b1",)))
    assert len(hits) == 50
    assert all(int(hit.chunk.document.source) % 3 == 1 for hit in hits)

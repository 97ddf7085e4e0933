"""Our retriever in LangChain's clothes."""

from __future__ import annotations

import asyncio

from langchain_core.retrievers import BaseRetriever

from ragbot.bot import RagBot
from ragbot.index.filters import Filter


def test_documents(bot: RagBot) -> None:
    retriever = bot.as_retriever(top_k=3)
    assert isinstance(retriever, BaseRetriever)
    documents = retriever.invoke("paged key-value cache")
    hits = bot.search("paged key-value cache", 3)
    assert [document.page_content for document in documents] == [hit.chunk.text for hit in hits]
    texts = {document.source: bot.document_text(document.id) for document in bot.documents()}
    for document, hit in zip(documents, hits, strict=True):
        place = document.metadata
        assert set(place) == {"source", "title", "page", "heading", "start", "end", "score"}
        assert texts[place["source"]][place["start"] : place["end"]] == document.page_content
        assert (document.id, place["score"]) == (str(hit.chunk.id), hit.score)


def test_filter_and_default(bot: RagBot) -> None:
    chinese = bot.as_retriever(where=Filter(languages=("zh",))).invoke("LoRA")
    assert chinese and all("misc" in d.metadata["source"] or "lora" in d.metadata["source"] for d in chinese)


def test_async_and_batch(bot: RagBot) -> None:
    retriever = bot.as_retriever(top_k=1)
    (first,) = asyncio.run(retriever.ainvoke("lighthouse"))
    assert retriever.batch(["lighthouse", "长江"])[0] == [first]

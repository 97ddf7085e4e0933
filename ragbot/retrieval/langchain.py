"""Our retriever as a LangChain ``BaseRetriever``."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from ragbot.documents import ScoredChunk
from ragbot.index.filters import Filter
from ragbot.retrieval.retriever import HybridRetriever


class RagbotRetriever(BaseRetriever):
    """Returns LangChain documents whose metadata hold source, title, page, heading, start, end and score."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    retriever: HybridRetriever
    top_k: int = 10
    where: Filter | None = None

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [
            Document(id=str(hit.chunk.id), page_content=hit.chunk.text, metadata=metadata(hit))
            for hit in self.retriever.search(query, self.top_k, self.where)
        ]


def metadata(hit: ScoredChunk) -> dict[str, Any]:
    """A hit's place in its source, as flat values."""
    return {
        "source": hit.chunk.document.source,
        "title": hit.chunk.document.title,
        "page": hit.chunk.page,
        "heading": " > ".join(hit.chunk.headings),
        "start": hit.chunk.start,
        "end": hit.chunk.end,
        "score": hit.score,
    }

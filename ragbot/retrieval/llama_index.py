"""Our retriever as a LlamaIndex ``BaseRetriever``."""

from __future__ import annotations

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from ragbot.index.filters import Filter
from ragbot.retrieval.langchain import metadata
from ragbot.retrieval.retriever import HybridRetriever


class RagbotLlamaIndexRetriever(BaseRetriever):  # type: ignore[misc,unused-ignore]
    """Returns text nodes with offsets into the document; metadata as in :mod:`ragbot.retrieval.langchain`."""

    def __init__(self, retriever: HybridRetriever, top_k: int = 10, where: Filter | None = None) -> None:
        super().__init__()
        self._retriever = retriever
        self._top_k = top_k
        self._where = where

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [
            NodeWithScore(
                node=TextNode(
                    id_=str(hit.chunk.id),
                    text=hit.chunk.text,
                    metadata=metadata(hit),
                    start_char_idx=hit.chunk.start,
                    end_char_idx=hit.chunk.end,
                ),
                score=hit.score,
            )
            for hit in self._retriever.search(query_bundle.query_str, self._top_k, self._where)
        ]

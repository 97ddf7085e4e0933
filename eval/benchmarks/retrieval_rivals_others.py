"""LangChain's, LlamaIndex's and txtai's retrieval over the same embedder, each as its documentation sets it up.

What is found is placed in the documents: by LangChain's start index, by LlamaIndex's start character, and by where the
paragraphs handed to txtai stand. All of them embed with our embedder: the same weights, prefixes and precision.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from eval.benchmarks.retrieval_rivals_base import (
    LONG_DEPTH,
    SHORT_DEPTH,
    Group,
    Search,
    System,
    checked_place,
    optional_module,
)
from eval.benchmarks.retrieval_rivals_langchain import GROUP as LANGCHAIN
from eval.metrics.ranking import Place
from ragbot.documents import ParsedDocument
from ragbot.models.embedders.base import Embedder, Vectors

if TYPE_CHECKING:
    from llama_index.core.base.base_retriever import BaseRetriever

LLAMA_INDEX = System(
    "llama_index",
    "LlamaIndex",
    "VectorStoreIndex.from_documents as it comes: SentenceSplitter of 1,024 tokens (of which the embedder sees 512), "
    f"overlap 200, the title as metadata, which is embedded; similarity_top_k {LONG_DEPTH} (default 2)",
    True,
    ("llama-index-core",),
)
TXTAI = System(
    "txtai",
    "txtai hybrid",
    f"paragraphs as its Textractor cuts them (blank lines), Embeddings(hybrid=True), limit {SHORT_DEPTH} (default 3)",
    True,
    ("txtai",),
)
#: What txtai's paragraphs end at (txtai.pipeline.Segmentation), and the white space that it makes one.
_BLANK_LINES, _SPACES = re.compile(r"(?:\r?\n){2,}"), re.compile(" +")
#: Texts that LlamaIndex has embedded at once.
_BATCH = 256


@contextmanager
def open_llama_index(documents: Mapping[str, ParsedDocument], embedder: Embedder) -> Iterator[dict[str, Search]]:
    """LlamaIndex's vector index. Raises MissingExtraError where it is not installed."""
    core = optional_module("llama_index.core", "LlamaIndex's retrieval")
    index = core.VectorStoreIndex.from_documents(
        [
            core.Document(text=document.text, id_=source, metadata={"title": document.title} if document.title else {})
            for source, document in documents.items()
        ],
        embed_model=_llama_index_embedding(embedder),
    )
    retriever: BaseRetriever = index.as_retriever(similarity_top_k=LONG_DEPTH)

    def search(question: str) -> list[Place]:
        nodes = [hit.node for hit in retriever.retrieve(question)]
        return [checked_place(documents, node.ref_doc_id, node.start_char_idx, node.text) for node in nodes]

    yield {LLAMA_INDEX.name: search}


def _llama_index_embedding(embedder: Embedder) -> Any:
    from llama_index.core.embeddings import BaseEmbedding

    class Embedding(BaseEmbedding):  # type: ignore[misc]  # llama_index is not typed here
        """An embedder of ours, for LlamaIndex."""

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return embedder.embed_documents(texts)

        def _get_text_embedding(self, text: str) -> list[float]:
            return embedder.embed_documents([text])[0]

        def _get_query_embedding(self, query: str) -> list[float]:
            return embedder.embed_query(query)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return embedder.embed_query(query)

    return Embedding(model_name=embedder.fingerprint.name, embed_batch_size=_BATCH)


@contextmanager
def open_txtai(documents: Mapping[str, ParsedDocument], embedder: Embedder) -> Iterator[dict[str, Search]]:
    """txtai's hybrid index. Raises MissingExtraError where it is not installed."""
    library = optional_module("txtai", "txtai's retrieval")
    found = [place for source, document in documents.items() for place in paragraph_places(source, document.text)]
    # It marks what it hands over to be embedded: so that a question is told from a passage.
    query, passage = "question:", "document:"

    def transform(texts: Sequence[str]) -> Vectors:
        if texts and texts[0].startswith(query):
            return np.stack([embedder.encode_query(text.removeprefix(query)) for text in texts])
        return embedder.encode_documents([text.removeprefix(passage) for text in texts])

    index = library.Embeddings(
        method="external", transform=transform, instructions={"query": query, "data": passage}, hybrid=True
    )
    try:
        index.index(
            (number, _SPACES.sub(" ", documents[source].text[start:end]), None)
            for number, (source, start, end) in enumerate(found)
        )

        def search(question: str) -> list[Place]:
            return [found[number] for number, _ in index.search(question, SHORT_DEPTH)]

        yield {TXTAI.name: search}
    finally:
        index.close()


def paragraph_places(source: str, text: str) -> list[Place]:
    """Where the paragraphs of a text stand, without white space around them."""
    places = []
    start = 0
    for end, after in [*(match.span() for match in _BLANK_LINES.finditer(text)), (len(text), len(text))]:
        part = text[start:end]
        if part.strip():
            places.append((source, start + len(part) - len(part.lstrip()), start + len(part.rstrip())))
        start = after
    return places


GROUPS = (LANGCHAIN, Group((LLAMA_INDEX,), open_llama_index), Group((TXTAI,), open_txtai))

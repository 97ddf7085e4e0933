"""LangChain's retrieval: its splitter, FAISS, and the ensemble of FAISS and BM25.

The package langchain-community, which holds LangChain's FAISS store and BM25 retriever, is archived, and makes
LlamaIndex warn where both are installed: :class:`FaissRetriever` and :class:`BM25Retriever` do what these do by default.
Their hits are the same (a test compares them where the package is there). Splitter and ensemble are LangChain's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable
from pydantic import ConfigDict

from eval.benchmarks.foreign_splitters import _WORDLESS
from eval.benchmarks.retrieval_rivals_base import LONG_DEPTH, Group, Search, System, checked_place, optional_module
from eval.metrics.ranking import Place
from ragbot.documents import ParsedDocument
from ragbot.models.embedders.base import Embedder

Tokenize = Callable[[str], list[str]]

CHARACTERS, OVERLAP = 1000, 200
_SPLIT = (
    f"RecursiveCharacterTextSplitter({CHARACTERS}, {OVERLAP}), in Chinese with the separators that its documentation "
    "advises for languages without word boundaries"
)
_PACKAGES = ("langchain-core", "langchain-classic", "langchain-text-splitters", "rank-bm25", "faiss-cpu")
FAISS = System("langchain_faiss", "LangChain FAISS", f"{_SPLIT}; FAISS, k {LONG_DEPTH} (default 4)", True, _PACKAGES)
ENSEMBLE = System(
    "langchain_ensemble",
    "LangChain ensemble",
    f"the same chunks; EnsembleRetriever (RRF) of BM25Retriever, which splits at white space, and FAISS: equal weights, "
    f"k {LONG_DEPTH} each (default 4)",
    True,
    _PACKAGES,
)
WORDS = System(
    "langchain_ensemble_words",
    "LangChain ensemble, words",
    "the same, with a preprocess_func of our choice: lower-cased words by jieba",
    True,
    (*_PACKAGES, "rjieba"),
)


class FaissRetriever(BaseRetriever):
    """Exact nearest neighbours by Euclidean distance, as FAISS.from_documents and as_retriever have it.

    Attributes:
        chunks: what is searched.
        embedder: embeds chunks and questions.
        k: how many are found.
        index: the vectors of the chunks.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    chunks: list[Document]
    embedder: Any
    k: int
    index: Any = None

    def model_post_init(self, context: Any, /) -> None:
        """Embed the chunks."""
        import faiss

        self.index = faiss.IndexFlatL2(self.embedder.fingerprint.dimension)
        self.index.add(self.embedder.encode_documents([chunk.page_content for chunk in self.chunks]))

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        vector = self.embedder.encode_query(query)
        rows = self.index.search(np.asarray(vector, np.float32)[None], min(self.k, len(self.chunks)))[1][0]
        return [self.chunks[row] for row in rows]


class BM25Retriever(BaseRetriever):
    """BM25Okapi of rank-bm25 with its default parameters, over what ``tokenize`` makes of a text.

    Attributes:
        chunks: what is searched.
        k: how many are found.
        tokenize: by default, as there, a split at white space with nothing folded.
        index: the statistics of the chunks.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    chunks: list[Document]
    k: int
    tokenize: Tokenize = str.split
    index: Any = None

    def model_post_init(self, context: Any, /) -> None:
        """Count the words."""
        library = optional_module("rank_bm25", "LangChain's BM25 retriever")
        self.index = library.BM25Okapi([self.tokenize(chunk.page_content) for chunk in self.chunks])

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        found: list[Document] = self.index.get_top_n(self.tokenize(query), self.chunks, n=self.k)
        return found


def jieba_words(text: str) -> list[str]:
    """Words in lower case, Chinese ones as jieba cuts them; punctuation and white space are left out."""
    import rjieba

    words: list[str] = rjieba.cut(text.lower())
    return [word for word in words if any(character.isalnum() for character in word)]


def split(documents: Mapping[str, ParsedDocument]) -> list[Document]:
    """The chunks of all documents, each with its source and the index that it starts at."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    options: dict[str, Any] = {"chunk_size": CHARACTERS, "chunk_overlap": OVERLAP, "add_start_index": True}
    plain = RecursiveCharacterTextSplitter(**options)
    wordless = RecursiveCharacterTextSplitter(separators=_WORDLESS, **options)
    chunks: list[Document] = []
    for source, document in documents.items():
        splitter = wordless if document.language in {"zh", "ja", "ko"} else plain
        chunks += splitter.split_documents([Document(document.text, metadata={"source": source})])
    return chunks


@contextmanager
def open_langchain(documents: Mapping[str, ParsedDocument], embedder: Embedder) -> Iterator[dict[str, Search]]:
    """The FAISS retriever and both ensembles. Raises MissingExtraError where something is not installed."""
    ensemble = optional_module("langchain_classic.retrievers", "LangChain's ensemble").EnsembleRetriever
    chunks = split(documents)
    nearest = FaissRetriever(chunks=chunks, embedder=embedder, k=LONG_DEPTH)
    words = BM25Retriever(chunks=chunks, k=LONG_DEPTH)
    jieba = BM25Retriever(chunks=chunks, k=LONG_DEPTH, tokenize=jieba_words)

    def searching(retriever: Runnable[str, list[Document]]) -> Search:
        def search(question: str) -> list[Place]:
            hits = retriever.invoke(question)
            return [
                checked_place(documents, hit.metadata["source"], hit.metadata["start_index"], hit.page_content)
                for hit in hits
            ]

        return search

    yield {
        FAISS.name: searching(nearest),
        ENSEMBLE.name: searching(ensemble(retrievers=[words, nearest])),
        WORDS.name: searching(ensemble(retrievers=[jieba, nearest])),
    }


GROUP = Group((FAISS, ENSEMBLE, WORDS), open_langchain)

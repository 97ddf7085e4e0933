"""``[retrieval]`` and ``[vectors]``: how chunks are found, and where their vectors are kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from ragbot.sections.base import Fraction, Positive, Section

FusionName = Literal["z", "rrf"]
RewriteName = Literal["none", "rules", "standalone", "multi-query", "hyde", "decompose", "feedback"]


class RetrievalSettings(Section):
    """How chunks are found."""

    top_k: Annotated[int, Field(gt=0, le=1000)] = Field(10, description="hits of a search")
    dense_weight: Fraction = Field(0.7, description="weight of the dense score; the rest is lexical")
    candidates: Positive = Field(100, description="candidates taken from each index before fusion")
    fusion: FusionName = Field(
        "z", description="of dense and lexical: z (standardised scores) or rrf (reciprocal ranks)"
    )
    reranker: str = Field(
        "auto",
        min_length=1,
        description="what reads the best hits again, as provider:model; none; auto: bundled beside the bundled embedder",
    )
    rerank_candidates: Annotated[int, Field(gt=0, le=1000)] = Field(
        20, description="best hits of the fusion that the reranker reads"
    )
    rerank_tokens: Annotated[int, Field(ge=64)] = Field(
        4000, description="no more of these than fit into so many tokens, which bounds the time"
    )
    rewrite: RewriteName = Field(
        "rules",
        description="questions before the search: none, rules, standalone, multi-query, hyde, decompose, feedback",
    )
    rewrites: Annotated[int, Field(gt=0, le=8)] = Field(
        3, description="texts that are searched for beside the question, at most"
    )
    duplicates: bool = Field(True, description="leave out hits that repeat a better one; that one names them")
    diversity: Fraction = Field(0.0, description="how much hits that differ from those above are preferred; 0: not")


class VectorSettings(Section):
    """Where vectors are kept. A knowledge base remembers the name of its store, and never an address."""

    store: str = Field("faiss", description="of new knowledge bases: faiss, chroma, chroma-server, langchain")
    chroma_url: str = Field("", description="address of a Chroma server (chroma run), such as http://127.0.0.1:8000")
    chroma_token: SecretStr = Field(SecretStr(""), description="bearer token that the Chroma server asks for")
    timeout: float = Field(10.0, gt=0, description="seconds to wait for a vector store's server")
    langchain: str = Field("", description="package.module:factory, which makes a LangChain vector store")

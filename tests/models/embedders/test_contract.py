"""What every embedder keeps, whatever stands behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ragbot.models.embedders.base import Embedder
from ragbot.models.embedders.openai import OpenAIEmbedder
from ragbot.models.testing import HashEmbedder

TEXTS = [
    "The rank of a LoRA adapter is the width of its two small matrices.",
    "上海是中国最大的城市之一，人口超过两千万。",
    "short",
    "",
    "Mixed 中英文 text with an emoji 😀 and\n\nblank lines.",
    "Retrieval finds passages, and the reader answers from them. " * 12,
]


@pytest.fixture(params=["hash", "bundled", "sentence-transformers", "sentence-transformers-float32", "openai"])
def embedder(request: pytest.FixtureRequest) -> Iterator[Embedder]:
    kind = request.param
    if kind == "hash":
        yield HashEmbedder()
    elif kind == "bundled":
        yield request.getfixturevalue("e5")
    elif kind == "openai":
        yield OpenAIEmbedder("m", base_url=request.getfixturevalue("endpoint").url, batch_size=4)
    else:
        from ragbot.models.embedders.sentence_transformers import SentenceTransformersEmbedder

        dtype = "float32" if kind.endswith("float32") else "auto"
        yield SentenceTransformersEmbedder(str(request.getfixturevalue("tiny_bert")), device="cpu", dtype=dtype)


def test_documents_are_rows_of_unit_length(embedder: Embedder) -> None:
    vectors = embedder.encode_documents(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), embedder.fingerprint.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


def test_a_query_is_one_row_of_unit_length(embedder: Embedder) -> None:
    vector = embedder.encode_query("what is the rank?")
    assert vector.dtype == np.float32
    assert vector.shape == (embedder.fingerprint.dimension,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    assert embedder.encode_documents([]).shape == (0, embedder.fingerprint.dimension)
    assert embedder.count_tokens([]) == []


def test_a_text_has_the_same_vector_alone_and_in_any_batch(embedder: Embedder) -> None:
    together = embedder.encode_documents(TEXTS)
    reversed_ = embedder.encode_documents(TEXTS[::-1])[::-1]
    alone = np.concatenate([embedder.encode_documents([text]) for text in TEXTS])
    assert (together * alone).sum(axis=1).min() > 0.9999
    assert (together * reversed_).sum(axis=1).min() > 0.9999


def test_different_texts_have_different_vectors(embedder: Embedder) -> None:
    vectors = embedder.encode_documents(TEXTS)
    similarity = vectors @ vectors.T - 2 * np.eye(len(TEXTS))
    assert similarity.max() < 0.9999


def test_progress_counts_every_text_once(embedder: Embedder) -> None:
    seen: list[int] = []
    embedder.encode_documents(TEXTS, seen.append)
    assert sum(seen) == len(TEXTS)


def test_langchain_reads_the_same_numbers(embedder: Embedder) -> None:
    assert np.allclose(embedder.embed_documents(TEXTS[:2]), embedder.encode_documents(TEXTS[:2]), atol=1e-6)
    assert np.allclose(embedder.embed_query(TEXTS[0]), embedder.encode_query(TEXTS[0]), atol=1e-6)


@pytest.mark.filterwarnings("error")
def test_tokens_are_counted_without_prefix_and_special_tokens(embedder: Embedder) -> None:
    empty, one, many = embedder.count_tokens(["", "short", "short " * 2000])
    assert empty == 0
    assert 0 < one < 6
    assert many > 1000


@pytest.mark.parametrize(
    "text", ["a lone \ud800 surrogate", "</s> <s> [PAD] <|user|>", "字" * 100_000, "x" * 100_000, "\x00"]
)
def test_any_text_is_taken(embedder: Embedder, text: str) -> None:
    vectors = embedder.encode_documents([text, "short"])
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    assert embedder.count_tokens([text])[0] >= 0
    assert np.isfinite(embedder.encode_query(text)).all()


def test_the_fingerprint_can_be_stored(embedder: Embedder) -> None:
    stored: dict[str, Any] = json.loads(json.dumps(embedder.fingerprint.as_dict()))
    assert stored["dimension"] > 0
    assert stored["name"]
    assert stored["normalized"] is True
    assert embedder.max_tokens > 0

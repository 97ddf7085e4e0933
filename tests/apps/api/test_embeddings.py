"""Vectors: their forms, their order, and what is refused."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import numpy as np
import pytest

from ragbot.models.testing import HashEmbedder

PATH = "/v1/embeddings"


def test_they_are_the_embedders_own_in_order(http: httpx.Client) -> None:
    texts = [f"text number {number} 第{number}篇" for number in range(40)]  # more than one batch
    answer = http.post(PATH, json={"model": "ragbot", "input": texts}).json()
    assert answer["model"] == "hash"
    assert [row["index"] for row in answer["data"]] == list(range(40))
    expected = HashEmbedder().encode_documents(texts)
    np.testing.assert_allclose([row["embedding"] for row in answer["data"]], expected, rtol=1e-6)
    assert answer["usage"]["prompt_tokens"] == sum(HashEmbedder().count_tokens(texts))


def test_base64_is_little_endian_float32(http: httpx.Client) -> None:
    answer = http.post(PATH, json={"model": "ragbot", "input": "一封信", "encoding_format": "base64"}).json()
    row = np.frombuffer(base64.b64decode(answer["data"][0]["embedding"]), "<f4")
    np.testing.assert_array_equal(row, HashEmbedder().encode_query("一封信"))


def test_queries_are_embedded_as_queries(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = HashEmbedder.encode_query
    monkeypatch.setattr(HashEmbedder, "encode_query", lambda self, text: asked.append(text) or real(self, text))
    monkeypatch.setattr(HashEmbedder, "encode_documents", lambda *_: pytest.fail("it is a query"))
    assert http.post(PATH, json={"model": "ragbot", "input": "q", "input_type": "query"}).status_code == 200
    assert asked == ["q"]


@pytest.mark.parametrize(
    ("more", "status", "param"),
    [
        ({"input": ""}, 400, "input"),
        ({"input": ["fine", "  "]}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": [1, 2]}, 400, "input"),
        ({"input": [[1, 2]]}, 400, "input"),
        ({"input": "字" * 2000}, 400, "input"),
        ({"dimensions": 8}, 400, "dimensions"),
        ({"dimensions": 64}, 200, None),
        ({"model": "text-embedding-3-small"}, 404, "model"),
        ({"encoding_format": "int8"}, 400, "encoding_format"),
        ({"no_such": 1}, 400, "no_such"),
    ],
)
def test_what_is_refused(http: httpx.Client, more: dict[str, Any], status: int, param: str | None) -> None:
    response = http.post(PATH, json={"model": "ragbot", "input": "a", **more})
    assert response.status_code == status
    if param:
        assert str(response.json()["error"]["param"]).startswith(param)

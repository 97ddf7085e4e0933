"""The embeddings client against a real server that misbehaves."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest

from ragbot.errors import GenerationError, ModelNotFoundError, SettingsError
from ragbot.models.embedders.openai import OpenAIEmbedder


def make(endpoint: Any, **options: Any) -> OpenAIEmbedder:
    return OpenAIEmbedder("m", base_url=endpoint.url, **{"backoff": 0.01, "dimension": 16, **options})


def data(*rows: object) -> str:
    return json.dumps({"data": [{"index": i, "embedding": row} for i, row in enumerate(rows)]})


def test_dimension_is_probed_only_when_not_given(endpoint: Any) -> None:
    assert make(endpoint).fingerprint.dimension == 16
    assert not endpoint.requests
    assert make(endpoint, dimension=None).fingerprint.dimension == 16
    assert len(endpoint.requests) == 1


def test_requests_carry_batches_prefixes_and_the_key(endpoint: Any) -> None:
    embedder = make(endpoint, batch_size=2, query_prefix="q: ", document_prefix="d: ", api_key="secret")
    embedder.encode_documents(["a", "b", "c"])
    embedder.encode_query("x")
    assert [request["input"] for request in endpoint.requests] == [["d: a", "d: b"], ["d: c"], ["q: x"]]
    assert set(endpoint.keys) == {"Bearer secret"}
    assert endpoint.requests[0]["model"] == "m"


def test_a_key_from_the_environment_stays_with_its_service(endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-openai")
    make(endpoint).encode_query("x")
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
    OpenAIEmbedder("m", dimension=16).encode_query("x")
    assert endpoint.keys == [None, "Bearer of-openai"]


def test_rows_are_sorted_by_index_and_normalised(endpoint: Any, reply: Any) -> None:
    rows = [{"index": 1, "embedding": [0.0, 5.0]}, {"index": 0, "embedding": [2.0, 0.0]}]
    endpoint.replies = [reply(body=json.dumps({"data": rows}))]
    assert np.array_equal(make(endpoint, dimension=2).encode_documents(["a", "b"]), np.eye(2, dtype=np.float32))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_retried(endpoint: Any, reply: Any, status: int) -> None:
    endpoint.replies = [reply(status=status), reply(status=status)]
    assert make(endpoint).encode_query("x").shape == (16,)
    assert len(endpoint.requests) == 3


def test_retry_after_is_obeyed(endpoint: Any, reply: Any) -> None:
    endpoint.replies = [reply(status=429, headers={"retry-after": "1"})]
    begin = time.monotonic()
    make(endpoint).encode_query("x")
    assert time.monotonic() - begin >= 1


def test_a_lasting_failure_ends_after_the_retries(endpoint: Any, reply: Any) -> None:
    endpoint.replies = [reply(status=500, body="out of memory")] * 9
    with pytest.raises(GenerationError, match=r"/v1/embeddings answered 500 after 3 attempts .*out of memory.*log"):
        make(endpoint, retries=2).encode_query("x")
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize(("status", "step"), [(401, "api_key"), (403, "api_key"), (404, "base_url")])
def test_what_no_retry_cures_is_told_at_once(endpoint: Any, reply: Any, status: int, step: str) -> None:
    endpoint.replies = [reply(status=status)]
    with pytest.raises(ModelNotFoundError, match=f"{endpoint.url}.*{status}.*{step}"):
        make(endpoint).encode_query("x")
    assert len(endpoint.requests) == 1


def test_a_refused_request_is_not_retried(endpoint: Any, reply: Any) -> None:
    endpoint.replies = [reply(status=400, body="too long")]
    with pytest.raises(GenerationError, match=r"400.*too long"):
        make(endpoint).encode_query("x")
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        "<html>a login page</html>",
        "{}",
        '{"data": 1}',
        data([1.0, 0.0]),
        data([1.0, 0.0], [1.0, 0.0], [1.0, 0.0]),
        json.dumps({"data": [{"index": 0, "embedding": [1, 0]}, {"index": 0, "embedding": [1, 0]}]}),
        data([1.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
        data([1.0, float("nan")], [1.0, 0.0]),
        data([1.0, "one"], [1.0, 0.0]),
        data([], []),
    ],
)
def test_a_wrong_answer_is_no_vector(endpoint: Any, reply: Any, body: str) -> None:
    endpoint.replies = [reply(body=body)]
    with pytest.raises(GenerationError, match="/v1/embeddings sent"):
        make(endpoint, dimension=2).encode_documents(["a", "b"])


def test_a_slow_endpoint_is_given_up(endpoint: Any, reply: Any) -> None:
    endpoint.replies = [reply(delay=0.5)] * 3
    with pytest.raises(GenerationError, match=r"cannot reach .* after 2 attempts .*timeout"):
        make(endpoint, timeout=0.1, retries=1).encode_query("x")


def test_nobody_there(endpoint: Any) -> None:
    endpoint.close()
    with pytest.raises(GenerationError, match=r"cannot reach .* start the server"):
        make(endpoint, retries=1).encode_query("x")


def test_a_url_without_scheme_is_refused() -> None:
    with pytest.raises(SettingsError, match="localhost:8000"):
        OpenAIEmbedder("m", base_url="localhost:8000")

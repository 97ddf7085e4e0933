"""The OpenAI-compatible chat model against a real server that misbehaves."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from ragbot.errors import GenerationError, MissingExtraError, SettingsError
from ragbot.models.llms.openai import load


def make(endpoint: Any, **options: Any) -> Any:
    return load("m", base_url=endpoint.url, **{"max_retries": 0, **options})


def streamed(model: Any) -> str:
    return "".join(chunk.text for chunk in model.stream("hello"))


async def streamed_async(model: Any) -> str:
    return "".join([chunk.text async for chunk in model.astream("hello")])


CALLS = {
    "invoke": lambda model: model.invoke("hello").text,
    "stream": streamed,
    "ainvoke": lambda model: asyncio.run(model.ainvoke("hello")).text,
    "astream": lambda model: asyncio.run(streamed_async(model)),
}


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Any:
    return CALLS[request.param]


def test_the_request(endpoint: Any) -> None:
    make(endpoint, temperature=0.5, max_tokens=9, api_key="secret").invoke("hello", stop=["x"])
    (request,) = endpoint.requests
    assert request["messages"] == [{"role": "user", "content": "hello"}]
    assert (request["model"], request["temperature"], request["max_tokens"], request["stop"]) == ("m", 0.5, 9, ["x"])
    assert "max_completion_tokens" not in request
    assert endpoint.keys == ["Bearer secret"]


def test_a_key_from_the_environment_stays_with_its_service(endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-openai")
    make(endpoint).invoke("hello")
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
    load("m").invoke("hello")
    assert endpoint.keys == ["Bearer none", "Bearer of-openai"]


@pytest.mark.parametrize(
    ("status", "step"),
    [(400, "length of the prompt"), (401, "api_key"), (403, "api_key"), (404, "/v1"), (429, "wait"), (500, "log")],
)
def test_statuses(endpoint: Any, reply: Any, call: Any, status: int, step: str) -> None:
    endpoint.replies = [reply(status=status, body='{"error": {"message": "the reason"}}')]
    with pytest.raises(GenerationError, match=f"{endpoint.url}.*{status}.*the reason.*{step}") as caught:
        call(make(endpoint))
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("status", [429, 503])
def test_passing_failures_are_retried(endpoint: Any, reply: Any, call: Any, status: int) -> None:
    endpoint.replies = [reply(status=status, headers={"retry-after-ms": "10"})] * 2
    assert call(make(endpoint, max_retries=2)) == endpoint.answer
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize("cut", ["chunked", "closed"])
@pytest.mark.parametrize("name", ["stream", "astream"])
def test_a_stream_that_breaks_off_is_no_answer(endpoint: Any, reply: Any, name: str, cut: str) -> None:
    endpoint.replies = [reply(cut=cut)]
    with pytest.raises(GenerationError, match=r"cut off|broke"):
        CALLS[name](make(endpoint))


def test_what_came_before_the_break_was_shown(endpoint: Any, reply: Any) -> None:
    endpoint.replies = [reply(cut="chunked")]
    seen = []
    with pytest.raises(GenerationError):
        for chunk in make(endpoint).stream("hello"):
            seen.append(chunk.text)
    assert endpoint.answer.startswith("".join(seen))
    assert "".join(seen)


@pytest.mark.parametrize("body", ["<html>a login page</html>", "{}", '{"choices": null}', "[]", '{"choices": []}'])
@pytest.mark.parametrize("name", ["invoke", "ainvoke"])
def test_an_answer_of_another_kind(endpoint: Any, reply: Any, name: str, body: str) -> None:
    endpoint.replies = [reply(body=body)]
    with pytest.raises(GenerationError, match=endpoint.url):
        CALLS[name](make(endpoint))


def test_a_slow_endpoint_is_given_up(endpoint: Any, reply: Any, call: Any) -> None:
    endpoint.replies = [reply(delay=0.6)]
    with pytest.raises(GenerationError, match=r"did not answer within 0\.1 s"):
        call(make(endpoint, timeout=0.1))


def test_nobody_there(endpoint: Any, call: Any) -> None:
    endpoint.close()
    with pytest.raises(GenerationError, match=r"cannot reach .*start the server"):
        call(make(endpoint))


def test_tokens_are_estimated_without_a_download(endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    model = make(endpoint)
    assert model.get_num_tokens("上海 city") == 2 + 2
    with pytest.raises(NotImplementedError, match="get_num_tokens"):
        model.get_token_ids("x")


def test_a_url_without_scheme_is_refused() -> None:
    with pytest.raises(SettingsError, match="localhost:8000"):
        load("m", base_url="localhost:8000")


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ragbot.models.llms.openai_client", raising=False)
    monkeypatch.setitem(sys.modules, "langchain_openai", None)
    with pytest.raises(MissingExtraError, match=r"ragbot\[openai\]"):
        load("m")

"""The OpenAI-compatible chat model against a real server that misbehaves."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import pytest

from ragbot.errors import GenerationError, MissingExtraError, SettingsError
from ragbot.models.llms.openai import load
from ragbot.models.llms.openai_errors import pause, transport


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


def test_the_endpoint_says_when_to_come_back(endpoint: Any, reply: Any, call: Any) -> None:
    endpoint.replies = [reply(status=429, headers={"retry-after": "0.3"})]
    started = time.monotonic()
    assert call(make(endpoint, max_retries=1)) == endpoint.answer
    assert time.monotonic() - started >= 0.3


def test_a_pause_that_is_too_long_is_not_waited_for(endpoint: Any, reply: Any, call: Any) -> None:
    endpoint.replies = [reply(status=429, headers={"retry-after": "600"})]
    with pytest.raises(GenerationError, match=r"429.*asks to wait 600 s"):
        call(make(endpoint, max_retries=3))
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_lasting_failures_are_not_retried(endpoint: Any, reply: Any, call: Any, status: int) -> None:
    endpoint.replies = [reply(status=status)] * 3
    with pytest.raises(GenerationError):
        call(make(endpoint, max_retries=2))
    assert len(endpoint.requests) == 1


def test_spent_money_is_not_retried(endpoint: Any, reply: Any, call: Any) -> None:
    endpoint.replies = [reply(status=429, body='{"error": {"message": "no", "code": "insufficient_quota"}}')] * 3
    with pytest.raises(GenerationError, match="quota of this api_key"):
        call(make(endpoint, max_retries=2))
    assert len(endpoint.requests) == 1


def test_pauses_grow_and_differ() -> None:
    failure = GenerationError("broken")
    failure.__cause__ = transport.ConnectError("broken")
    pauses = [[pause(failure, attempt, 9) or 0.0 for _ in range(20)] for attempt in range(9)]
    for attempt, tries in enumerate(pauses):
        longest = min(8.0, 0.5 * 2**attempt)
        assert all(0.75 * longest <= seconds <= longest for seconds in tries)
        assert len(set(tries)) > 1
    assert pause(failure, 9, 9) is None


@pytest.mark.parametrize("name", ["stream", "astream"])
def test_a_break_before_the_first_token_is_tried_again(endpoint: Any, reply: Any, name: str) -> None:
    endpoint.replies = [reply(cut="chunked", cut_at=1), reply(cut="closed", cut_at=1)]
    assert CALLS[name](make(endpoint, max_retries=2)) == endpoint.answer
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize("name", ["stream", "astream"])
def test_a_break_after_the_first_token_is_not(endpoint: Any, reply: Any, name: str) -> None:
    endpoint.replies = [reply(cut="chunked")]
    with pytest.raises(GenerationError):
        CALLS[name](make(endpoint, max_retries=2))
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 2048 tokens. However, you requested 3000 tokens",
        "the request exceeds the available context size, try increasing it",
    ],
)
def test_a_prompt_that_is_too_long(endpoint: Any, reply: Any, call: Any, message: str) -> None:
    endpoint.replies = [reply(status=400, body=json.dumps({"error": {"message": message}}))]
    with pytest.raises(GenerationError, match=r"do not fit into the context of 'm'.*top_k"):
        call(make(endpoint))


@pytest.mark.parametrize("name", ["stream", "astream"])
@pytest.mark.parametrize("limit", ["call_timeout", "first_token_timeout"])
def test_signs_of_life_are_no_answer(endpoint: Any, reply: Any, name: str, limit: str) -> None:
    endpoint.replies = [reply(comments=100, pace=0.05)]
    started = time.monotonic()
    with pytest.raises(GenerationError, match=r"within 0\.3 s"):
        CALLS[name](make(endpoint, max_retries=2, **{limit: 0.3}))
    assert time.monotonic() - started < 2


def test_a_call_has_its_time_with_all_its_tries(endpoint: Any, reply: Any, call: Any) -> None:
    endpoint.replies = [reply(status=503)] * 9
    started = time.monotonic()
    with pytest.raises(GenerationError, match="503"):
        call(make(endpoint, max_retries=9, call_timeout=1.0))
    assert time.monotonic() - started < 2
    endpoint.replies = [reply(delay=1.0)]
    with pytest.raises(GenerationError, match=r"within|did not answer"):
        make(endpoint, max_retries=9).invoke("hello", timeout=0.2)


@pytest.mark.parametrize("name", ["stream", "astream"])
def test_leaving_a_stream_closes_the_connection(endpoint: Any, reply: Any, name: str) -> None:
    endpoint.answer = "word " * 500
    endpoint.replies = [reply(pace=0.02)]
    model = make(endpoint)
    if name == "stream":
        stream = model.stream("hello")
        next(chunk for chunk in stream if chunk.text)
        stream.close()
        assert endpoint.left.wait(2)
    else:

        async def leave() -> None:
            async def read() -> None:
                async for _ in model.astream("hello"):
                    pass

            task = asyncio.ensure_future(read())
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(endpoint.left.wait, 2)

        asyncio.run(leave())
    assert model.invoke("hello").text == endpoint.answer


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

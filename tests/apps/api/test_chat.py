"""Questions in OpenAI's words: whole and streamed, by plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from ragbot.errors import GenerationError
from ragbot.models.testing import ScriptedChatModel
from tests.apps.api.conftest import fill
from tests.apps.api.serving import app_of, client, running, settings

PATH = "/v1/chat/completions"
EN = "By what factor does the throughput rise?"
ZH = "QLoRA 把基座模型量化为几比特？"


def asked(question: str, **more: Any) -> dict[str, Any]:
    return {"model": "ragbot", "messages": [{"role": "user", "content": question}], **more}


def events(response: httpx.Response) -> list[Any]:
    """The objects of a stream; ``"[DONE]"`` for its end."""
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


@pytest.mark.parametrize(("question", "said"), [(EN, "20"), (ZH, "4 比特")])
def test_an_answer_cites_the_exact_characters(http: httpx.Client, api: FastAPI, question: str, said: str) -> None:
    answer = http.post(PATH, json=asked(question)).json()
    assert answer["object"] == "chat.completion"
    choice = answer["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert said in choice["message"]["content"]
    assert "[1]" in choice["message"]["content"]
    own = answer["ragbot"]
    assert own["abstained"] is False
    assert 0 <= own["confidence"] <= 1
    assert own["claims"][0]["status"] == "supported"
    with api.state.bots.using() as bot:
        for citation in own["citations"]:
            text = bot.document_text(citation["document_id"])
            assert text[citation["start"] : citation["end"]] == citation["quote"]
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    assert own["usage_estimated"] is True


@pytest.mark.parametrize("question", [EN, ZH])
def test_a_stream_says_what_the_whole_answer_says(http: httpx.Client, question: str) -> None:
    whole = http.post(PATH, json=asked(question)).json()
    response = http.post(PATH, json=asked(question, stream=True, stream_options={"include_usage": True}))
    assert response.headers["content-type"].startswith("text/event-stream")
    *pieces, usage, done = events(response)
    assert done == "[DONE]"
    assert usage["choices"] == []
    assert usage["usage"] == whole["usage"]
    assert {piece["id"] for piece in pieces} == {usage["id"]}
    assert pieces[0]["choices"][0]["delta"]["role"] == "assistant"
    assert all(piece["usage"] is None for piece in pieces)
    text = "".join(piece["choices"][0]["delta"].get("content", "") for piece in pieces)
    assert text == whole["choices"][0]["message"]["content"]
    last = pieces[-1]
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["ragbot"]["citations"] == whole["ragbot"]["citations"]


def test_a_stream_without_usage_has_none(http: httpx.Client) -> None:
    *pieces, done = events(http.post(PATH, json=asked(EN, stream=True)))
    assert done == "[DONE]"
    assert all("usage" not in piece and piece["choices"] for piece in pieces)


@pytest.mark.parametrize("question", ["Is there anything?", "这里有什么？"])
def test_an_empty_knowledge_base_refuses(tmp_path: Path, question: str) -> None:
    app = app_of(settings(tmp_path / "data"))
    app.state.bots.create("default")
    with running(app) as url, client(url) as http:
        answer = http.post(PATH, json=asked(question)).json()
    assert answer["ragbot"]["abstained"] is True
    assert answer["ragbot"]["citations"] == []
    assert answer["choices"][0]["message"]["content"]


def test_what_was_said_before_goes_along(http: httpx.Client) -> None:
    before = [
        {"role": "user", "content": "What is continuous batching?"},
        {"role": "assistant", "content": "It admits …"},
    ]
    answer = http.post(PATH, json={"model": "ragbot", "messages": [*before, {"role": "user", "content": EN}]})
    assert answer.status_code == 200
    assert "20" in answer.json()["choices"][0]["message"]["content"]


def test_filters_and_hits(http: httpx.Client, papers: Path) -> None:
    where = {"sources": [str(papers / "lora.md")]}
    own = http.post(PATH, json=asked(EN, ragbot={"where": where, "hits": True, "top_k": 3})).json()["ragbot"]
    assert 1 <= len(own["hits"]) <= 3
    assert {hit["source"] for hit in own["hits"]} == {str(papers / "lora.md")}
    assert "hits" not in http.post(PATH, json=asked(EN)).json()["ragbot"]


def test_text_in_parts(http: httpx.Client) -> None:
    parts = [{"type": "text", "text": "By what factor"}, {"type": "text", "text": "does the throughput rise?"}]
    body = {"model": "ragbot", "messages": [{"role": "user", "content": parts}]}
    assert "20" in http.post(PATH, json=body).json()["choices"][0]["message"]["content"]


# -- what cannot be obeyed -------------------------------------------------------------------------------------------

REFUSED = {
    "n": 2,
    "top_p": 0.5,
    "presence_penalty": 0.1,
    "logprobs": True,
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "response_format": {"type": "json_object"},
    "logit_bias": {"1": 2},
    "temperature": 0.7,
    "max_tokens": 3,
    "max_completion_tokens": 3,
    "stop": ["."],
    "reasoning_effort": "low",
    "no_such_thing": 1,
}
TAKEN = {
    "n": 1,
    "top_p": 1.0,
    "presence_penalty": 0,
    "logprobs": False,
    "tools": [],
    "response_format": {"type": "text"},
    "temperature": 0,
    "max_tokens": 4096,
    "stop": None,
    "user": "someone",
    "metadata": {"a": "b"},
    "logit_bias": None,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_obeyed_is_refused_by_name(http: httpx.Client, name: str) -> None:
    response = http.post(PATH, json=asked(EN, **{name: REFUSED[name]}))
    error = response.json()["error"]
    assert response.status_code == 400
    assert error["code"] == "unsupported_parameter"
    assert error["type"] == "invalid_request_error"
    assert error["param"] in {name, name.replace("_completion", "")}
    assert "leave it out" in error["message"]


@pytest.mark.parametrize("name", TAKEN)
def test_values_that_ask_for_nothing_are_taken(http: httpx.Client, name: str) -> None:
    assert http.post(PATH, json=asked(EN, **{name: TAKEN[name]})).status_code == 200


def test_a_system_message_is_refused(http: httpx.Client) -> None:
    body = asked(EN)
    body["messages"].insert(0, {"role": "system", "content": "Be brief."})
    response = http.post(PATH, json=body)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "messages"


def test_with_drop_params_it_is_left_out_and_said(tmp_path: Path, corpus: Path) -> None:
    app = app_of(settings(tmp_path / "data", drop_params=True))
    fill(app, corpus)
    body = asked(EN, **REFUSED)
    body["messages"].insert(0, {"role": "system", "content": "Be brief."})
    with running(app) as url, client(url) as http:
        answer = http.post(PATH, json=body).json()
    dropped = set(answer["ragbot"]["dropped"])
    assert dropped == {*REFUSED, "system"} - {"max_completion_tokens"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "ragbot"}, "messages"),
        ({"model": "ragbot", "messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": "?"}]}, "model"),
        ({"model": "ragbot", "messages": [{"role": "user", "content": "  "}]}, "messages"),
        ({"model": "ragbot", "messages": [{"role": "assistant", "content": "x"}]}, "messages"),
        ({"model": "ragbot", "messages": [{"role": "user", "content": "x"}], "temperature": 9}, "temperature"),
        ({"model": "ragbot", "messages": [{"role": "user", "content": "x"}], "ragbot": {"top_k": 0}}, "ragbot.top_k"),
        ({"model": "ragbot", "messages": [{"role": "user", "content": "x"}], "ragbot": {"wat": 0}}, "ragbot.wat"),
        ({"model": "ragbot", "messages": [{"role": "user", "content": "x"}], "stream_options": {}}, "stream_options"),
    ],
)
def test_errors_have_openais_shape(http: httpx.Client, body: Any, param: str) -> None:
    response = http.post(PATH, json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"


def test_half_a_character_is_no_failure(http: httpx.Client) -> None:
    raw = json.dumps(asked("\ud83d half of a pair"))
    response = http.post(PATH, content=raw, headers={"content-type": "application/json"})
    assert response.status_code in {200, 400}
    for broken in (b'{"model": "ragbot",', b"[" * 200_000, b'"\xff"', b"", b"null", b"1e999"):
        response = http.post(PATH, content=broken, headers={"content-type": "application/json"})
        assert response.status_code == 400, broken[:20]


# -- with a chat model -----------------------------------------------------------------------------------------------


@pytest.fixture
def scripted(tmp_path: Path, corpus: Path) -> Iterator[tuple[ScriptedChatModel, httpx.Client]]:
    """A server that answers with a chat model."""
    model = ScriptedChatModel(lambda _: "Throughput rises by a factor of 20 [1]. And more.")
    app = app_of(settings(tmp_path / "data"), llm=model)
    fill(app, corpus)
    with running(app) as url, client(url) as http:
        yield model, http


def test_a_chat_model_stops_where_it_is_told(scripted: tuple[ScriptedChatModel, httpx.Client]) -> None:
    model, http = scripted
    answer = http.post(PATH, json=asked(EN, stop=[" And"])).json()
    assert model.stops[-1] == [" And"]
    assert "And more" not in answer["choices"][0]["message"]["content"]
    assert answer["ragbot"]["usage_estimated"] is False
    assert answer["usage"]["prompt_tokens"] > 20


def test_temperature_and_length_reach_the_chat_model(
    scripted: tuple[ScriptedChatModel, httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, http = scripted
    seen: list[dict[str, Any]] = []
    real = type(model)._stream

    def spy(self: Any, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        seen.append(kwargs)
        return real(self, messages, stop, run_manager, **kwargs)

    monkeypatch.setattr(ScriptedChatModel, "_stream", spy)
    answer = http.post(PATH, json=asked(EN, temperature=0.5, max_completion_tokens=5)).json()
    assert {"temperature": 0.5, "max_tokens": 5}.items() <= seen[-1].items()
    assert answer["choices"][0]["finish_reason"] == "length"
    http.post(PATH, json=asked(EN))
    assert "temperature" not in seen[-1]


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_fails_is_a_502(tmp_path: Path, corpus: Path, stream: bool) -> None:
    model = ScriptedChatModel(lambda _: GenerationError("secret://place is away"))
    app = app_of(settings(tmp_path / "data"), llm=model)
    fill(app, corpus)
    with running(app) as url, client(url) as http:
        response = http.post(PATH, json=asked(EN, stream=stream))
    assert response.status_code == 502
    assert response.json()["error"]["code"] == "model_failed"
    assert "secret" not in response.text  # what stands in it may name hosts and folders
    assert response.headers["x-request-id"] in response.text


def test_a_stream_that_breaks_says_so(tmp_path: Path, corpus: Path) -> None:
    model = ScriptedChatModel(lambda _: "Throughput rises by a factor of 20. It is well known. More.", fail_after=9)
    app = app_of(settings(tmp_path / "data"), llm=model)
    fill(app, corpus)
    with running(app) as url, client(url) as http:
        found = events(http.post(PATH, json=asked(EN, stream=True)))
    assert found[-1]["error"]["code"] == "model_failed"
    assert "[DONE]" not in found


# -- models ----------------------------------------------------------------------------------------------------------


def test_each_knowledge_base_is_a_model(tmp_path: Path, corpus: Path) -> None:
    api = app_of(settings(tmp_path / "data"))
    fill(api, corpus)
    with running(api) as url, client(url) as http:
        _each_is_a_model(http, api, tmp_path)


def _each_is_a_model(http: httpx.Client, api: FastAPI, tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("The kettle boils at noon.", encoding="utf-8")
    fill(api, tmp_path / "other.md", "茶馆")
    listed = [model["id"] for model in http.get("/v1/models").json()["data"]]
    assert listed == ["ragbot", "ragbot/default", "ragbot/茶馆", "hash"]
    assert http.get("/v1/models/ragbot/茶馆").json()["id"] == "ragbot/茶馆"
    assert http.get("/v1/models/ragbot/nope").status_code == 404
    answer = http.post(PATH, json={**asked("When does the kettle boil?"), "model": "ragbot/茶馆"}).json()
    assert "noon" in answer["choices"][0]["message"]["content"]
    assert answer["ragbot"]["knowledge_base"] == "茶馆"


@pytest.mark.parametrize("name", ["gpt-4", "ragbot/nope", "ragbot/", "/ragbot", "ragbot/../default", ""])
def test_another_model_is_not_found(http: httpx.Client, name: str) -> None:
    response = http.post(PATH, json={**asked(EN), "model": name})
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"


# -- feedback --------------------------------------------------------------------------------------------------------


def test_an_answer_that_is_kept_can_be_rated(http: httpx.Client, api: FastAPI) -> None:
    from ragbot.workspace.conversations import Conversations
    from ragbot.workspace.feedback import evaluation_set

    answer = http.post(PATH, json=asked(EN, store=True)).json()
    ticket = answer["ragbot"]["feedback_id"]
    body = {"id": ticket, "rating": "down", "comment": "不对", "expected": "twenty"}
    assert http.post("/v1/feedback", json=body).json()["rating"] == "down"
    conversations = Conversations(api.state.workspace)
    records = evaluation_set(conversations, conversations.all()[:1])
    assert [(one["question"], one["rating"], one["answers"]) for one in records] == [(EN, "down", ["twenty"])]
    assert http.delete(f"/v1/feedback/{ticket}").json()["deleted"] is True
    assert http.delete(f"/v1/feedback/{ticket}").json()["deleted"] is False
    assert evaluation_set(conversations, conversations.all()) == []


def test_an_answer_is_not_kept_unless_asked_for(http: httpx.Client, api: FastAPI) -> None:
    from ragbot.workspace.conversations import Conversations

    before = Conversations(api.state.workspace).count()
    assert http.post(PATH, json=asked(EN)).json()["ragbot"]["feedback_id"] is None
    assert Conversations(api.state.workspace).count() == before


@pytest.mark.parametrize("ticket", ["1-" + "0" * 32, "x", "1", "", "../../1", "9" * 90])
def test_nothing_else_can_be_rated(http: httpx.Client, ticket: str) -> None:
    http.post(PATH, json=asked(EN, store=True))
    response = http.post("/v1/feedback", json={"id": ticket, "rating": "up"})
    assert response.status_code == 404

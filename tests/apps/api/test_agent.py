"""The agent over HTTP: steps as they happen, and what a key may let it do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from ragbot.models.testing import ScriptedChatModel
from ragbot.settings import Settings
from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import Rights
from tests.agents.doubles import call, say
from tests.apps.api.conftest import fill
from tests.apps.api.serving import PATIENCE, app_of, client, running, settings, until

PATH = "/v1/agent"


def agent_app(tmp_path: Path, corpus: Path, script: Any, **agent: Any) -> FastAPI:
    chosen: Settings = settings(tmp_path / "data")
    chosen = chosen.model_copy(update={"agent": chosen.agent.model_copy(update={"protocol": "text", **agent})})
    app = app_of(chosen, llm=ScriptedChatModel(script))
    fill(app, corpus)
    return app


def events(text: str) -> Iterator[tuple[str, Any]]:
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            yield fields["event"], json.loads(fields["data"])


def test_steps_come_as_events_and_the_run_at_the_end(tmp_path: Path, corpus: Path) -> None:
    app = agent_app(tmp_path, corpus, [call("calculator", expression="6*7"), say("It is 42 [1].")])
    with running(app) as url, client(url) as http:
        response = http.post(PATH, json={"question": "What is 6*7?", "stream": True})
    found = list(events(response.text))
    assert [name for name, _ in found] == ["action", "observation", "answer", "done"]
    done = found[-1][1]
    assert done["text"] == "It is 42 [1]."
    assert done["outcome"] == "answered"
    assert [step["kind"] for step in done["steps"]] == ["action", "observation", "answer"]


@pytest.mark.parametrize(
    ("question", "query"), [("灯塔是什么颜色？", "lighthouse"), ("What colour is the lighthouse?", "lighthouse")]
)
def test_it_searches_the_documents(tmp_path: Path, corpus: Path, question: str, query: str) -> None:
    app = agent_app(
        tmp_path, corpus, [call("search_knowledge", query=query), say("Its lighthouse is painted green [1].")]
    )
    with running(app) as url, client(url) as http:
        run = http.post(PATH, json={"question": question}).json()
    citation = run["sources"][0]["citation"]
    assert "green" in citation["quote"]


def test_what_needs_consent_is_not_done(tmp_path: Path, corpus: Path) -> None:
    app = agent_app(tmp_path, corpus, [call("web_search", query="news"), say("I could not look.")])
    with running(app) as url, client(url) as http:
        run = http.post(PATH, json={"question": "news?"}).json()
    seen = next(step for step in run["steps"] if step["kind"] == "observation")
    assert seen["status"] == "denied"
    assert [step["granted"] for step in run["steps"] if step["kind"] == "consent"] in ([], [False])


@pytest.mark.parametrize(
    ("scope", "allow", "status"),
    [
        ("read", ["web_search"], 403),
        ("read", [], 200),
        ("write", ["web_search"], 200),
        ("write", ["python"], 403),
        ("admin", ["python"], 200),
    ],
)
def test_a_key_allows_what_it_may(tmp_path: Path, corpus: Path, scope: Any, allow: list[str], status: int) -> None:
    app = agent_app(tmp_path, corpus, [say("Done.")], tools=["calculator", "web_search", "python"])
    secret = str(Keys(app.state.workspace).create("k", Rights(scope, groups=None))[1])
    with running(app) as url, client(url, headers={"authorization": f"Bearer {secret}"}) as http:
        response = http.post(PATH, json={"question": "x", "allow": allow, "tools": ["calculator", *allow]})
    assert response.status_code == status, response.text


@pytest.mark.parametrize(
    "more",
    [{"tools": ["rm"]}, {"allow": ["*"]}, {"tools": ["mcp"]}, {"tools": ["python"]}, {"question": ""}, {"wat": 1}],
)
def test_what_is_refused(http: httpx.Client, more: dict[str, Any]) -> None:
    assert http.post(PATH, json={"question": "x", **more}).status_code == 400


def test_an_agent_sees_no_document_that_its_caller_may_not_see(tmp_path: Path, corpus: Path) -> None:
    script = [
        call("search_knowledge", query="harbour lighthouse dredged"),
        call("read_document", document="plain.txt"),
        call("ask_documents", question="What colour is the lighthouse?"),
        "I do not know.",  # what answers the tool's question
        say("Nothing."),
    ]
    app = agent_app(tmp_path, corpus / "lora.md", script, tools=["kb", "ask_documents"])
    with app.state.bots.using() as bot:
        bot.ingest(corpus / "notes" / "plain.txt", acl=["board"])
    secret = str(Keys(app.state.workspace).create("k", Rights("read", groups=("staff",)))[1])
    with running(app) as url, client(url, headers={"authorization": f"Bearer {secret}"}) as http:
        response = http.post(PATH, json={"question": "What colour is it?"})
    assert response.status_code == 200
    observations = [step for step in response.json()["steps"] if step["kind"] == "observation"]
    assert len(observations) == 3
    assert "green" not in response.text
    assert "Aalto" not in response.text


@pytest.fixture
def charged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The tokens that callers were charged, run by run."""
    found: list[int] = []
    monkeypatch.setattr("apps.api.agent.charge", lambda _, __, read, written: found.append(read + written))
    return found


def test_a_run_is_charged_once(tmp_path: Path, corpus: Path, charged: list[int]) -> None:
    app = agent_app(tmp_path, corpus, lambda _: say("42."))
    with running(app) as url, client(url) as http:
        run = http.post(PATH, json={"question": "What is 6*7?"}).json()
        assert charged == [run["tokens"]] and run["tokens"] > 0
        assert http.post(PATH, json={"question": "What is 6*7?", "stream": True}).status_code == 200
        assert len(charged) == 2


def test_a_run_that_fails_is_charged(tmp_path: Path, corpus: Path, charged: list[int]) -> None:
    app = agent_app(tmp_path, corpus, [call("calculator", expression="6*7")])  # the second reply fails
    with running(app) as url, client(url) as http:
        assert http.post(PATH, json={"question": "What is 6*7?"}).status_code == 502
    (tokens,) = charged
    assert tokens > 100  # the first prompt


def test_who_leaves_is_charged(tmp_path: Path, corpus: Path, charged: list[int]) -> None:
    left = threading.Event()
    script = iter([call("calculator", expression="6*7"), say("It is 42.")])

    def reply(_: Any) -> str:
        found = next(script)
        assert "calculator" in found or left.wait(PATIENCE)
        return found

    app = agent_app(tmp_path, corpus, reply)
    with running(app) as url, client(url) as http:
        with http.stream("POST", PATH, json={"question": "What is 6*7?", "stream": True}) as response:
            assert any("observation" in line for line in response.iter_lines())
        left.set()
        until(lambda: charged)
    (tokens,) = charged
    assert tokens > 100


@pytest.mark.parametrize("stream", [False, True])
def test_half_a_character_is_sent_as_none(tmp_path: Path, corpus: Path, stream: bool) -> None:
    script = [
        '{"thought": "", "tool": "calculator", "arguments": {"expression": "1\\ud83d"}}',
        '{"answer": "好\\ud83d的"}',
    ]
    app = agent_app(tmp_path, corpus, script)
    with running(app) as url, client(url) as http:
        response = http.post(PATH, json={"question": "好吗？", "stream": stream})
    assert response.status_code == 200
    assert "\\ud83d" not in response.text
    run = list(events(response.text))[-1][1] if stream else response.json()
    assert run["text"] == "好?的"
    assert run["steps"][0]["arguments"] == {"expression": "1?"}

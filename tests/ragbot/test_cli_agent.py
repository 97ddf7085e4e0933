"""``ragbot agent``: a run in the terminal, consent, runs that are kept, shown again and gone on with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agents.tools.base import Effect, Traits, tool
from ragbot.errors import GenerationError
from ragbot.models.testing import ScriptedChatModel
from tests.ragbot.conftest import Cli

Script = Callable[..., ScriptedChatModel]


def call(name: str, /, **arguments: Any) -> str:
    return json.dumps({"thought": "so", "tool": name, "arguments": arguments}, ensure_ascii=False)


def say(text: str) -> str:
    return json.dumps({"thought": "", "answer": text}, ensure_ascii=False)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Sets what the agent's model says, and gives it two tools of the test: add, and send, which uses the network."""
    monkeypatch.setenv("RAGBOT_AGENT__PROTOCOL", "text")
    monkeypatch.setenv("RAGBOT_AGENT__LLM", "bundled")
    sent: list[str] = []

    @tool("add", Traits(trusted=True))
    def add(a: int, b: int) -> str:
        """Add two numbers."""
        return f"{a} + {b} = {a + b}"

    @tool("send", Traits(effects=frozenset({Effect.NETWORK})))
    def send(text: str) -> str:
        """Send a text."""
        sent.append(text)
        return "sent"

    monkeypatch.setattr("agents.toolbox.TOOLS", {"add": lambda parts: [add], "send": lambda parts: [send]})
    monkeypatch.setenv("RAGBOT_AGENT__TOOLS", '["add", "send"]')

    def say_this(replies: Sequence[Any]) -> ScriptedChatModel:
        model = ScriptedChatModel(replies)
        monkeypatch.setattr("ragbot.composing.agents.chat_model", lambda spec, settings: model)
        return model

    say_this.sent = sent  # type: ignore[attr-defined]
    return say_this


def identity_of(cli: Cli) -> str:
    return str(cli("agent", "runs", "--json").json["runs"][0]["id"])


@pytest.mark.parametrize("question", ["What is 2 + 3?", "二加三等于多少？"])
def test_a_run(cli: Cli, script: Script, question: str) -> None:
    script([call("add", a=2, b=3), say("5")])
    result = cli("agent", question)
    assert result.code == 0, result.err
    title = "Sources" if "What" in question else "来源"
    assert result.out == f"5 [1]\n\n{title}\n[1] add\n    2 + 3 = 5\n"
    assert "add(a=2, b=3)" in result.err and "→ 2 + 3 = 5" in result.err
    assert "--replay" in result.err


def test_json(cli: Cli, script: Script) -> None:
    script([call("add", a=2, b=3), say("5")])
    found = cli("agent", "What is 2 + 3?", "--json").json
    assert (found["text"], found["outcome"], found["state"]) == ("5 [1]", "answered", "done")
    assert [step["kind"] for step in found["steps"]] == ["thought", "action", "observation", "answer"]
    assert found["sources"][0]["tool"] == "add"


def test_what_needs_consent_is_not_done_where_nobody_can_be_asked(cli: Cli, script: Script) -> None:
    script([call("send", text="x"), say("no")])
    assert "not called" in cli("agent", "Send x").err
    assert script.sent == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("words", [("--allow", "send"), ("--yes",)])
def test_allowed_on_the_command_line(cli: Cli, script: Script, words: tuple[str, ...]) -> None:
    script([call("send", text="x"), say("done")])
    assert cli("agent", *words, "Send x").code == 0
    assert script.sent == ["x"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("typed", "sent"), [("y\n", ["x"]), ("是\n", []), ("\n", []), ("", [])])
def test_the_person_is_asked(
    cli: Cli, script: Script, monkeypatch: pytest.MonkeyPatch, typed: str, sent: list[str]
) -> None:
    monkeypatch.setattr("ragbot.console.agent._at_the_terminal", lambda: True)
    script([call("send", text="x"), say("done")])
    result = cli("agent", "Send x", stdin=typed)
    assert 'The agent wants to call send(text="x")' in result.err
    assert "it sends data over the network" in result.err
    assert script.sent == sent  # type: ignore[attr-defined]


def test_a_rule_of_the_settings_denies(cli: Cli, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGBOT_AGENT__RULES", '{"send": "deny"}')
    script([call("send", text="x"), say("no")])
    assert "it is not allowed here" in cli("agent", "--yes", "Send x").err
    assert script.sent == []  # type: ignore[attr-defined]


def test_runs_are_kept_shown_again_and_deleted(cli: Cli, script: Script) -> None:
    assert "No runs yet" in cli("agent", "runs").out
    script([call("add", a=2, b=3), say("5")])
    first = cli("agent", "What is 2 + 3?")
    listed = cli("agent", "runs").out
    assert "What is 2 + 3?" in listed and "done" in listed and "4 steps" in listed
    identity = identity_of(cli)
    script([])  # no model
    again = cli("agent", "--replay", identity[:6])
    assert again.code == 0 and again.out == f"What is 2 + 3?\n{first.out}"
    assert cli("agent", "--replay", identity, "--json").json["text"] == "5 [1]"
    assert cli("agent", "runs", "--delete", identity, "--json").json == {"deleted": [identity]}
    result = cli("agent", "--replay", identity)
    assert result.code == 2 and "there is no run" in result.err


def test_a_run_that_failed_goes_on(cli: Cli, script: Script) -> None:
    script([call("add", a=2, b=3), GenerationError("the server is away: start it")])
    result = cli("agent", "What is 2 + 3?")
    assert result.code == 1 and "the server is away" in result.err
    assert cli("agent", "runs", "--json").json["runs"][0]["state"] == "failed"
    script([say("5")])
    result = cli("agent", "--resume", identity_of(cli))
    assert result.code == 0 and result.out.startswith("5 [1]")
    assert "finished" in cli("agent", "--resume", identity_of(cli)).err


def test_no_answer_is_exit_code_1(cli: Cli, script: Script) -> None:
    script([call("add", a=2, b=3), call("add", a=2, b=4)])
    result = cli("agent", "--max-steps", "2", "What is 2 + 3?")
    assert result.code == 1
    assert result.out == "I could not answer this: the limit of 2 steps is reached. Tried: add.\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["agent", "  "], "give one of"),
        (["agent", "q", "--replay", "x"], "give one of"),
        (["agent", "--tools", "ad", "q"], "there is no tool 'ad'; did you mean add?"),
        (["agent", "--resume", "x"], "there is no run 'x'"),
        (["agent", "--max-steps", "0", "q"], "max-steps"),
    ],
)
def test_what_the_person_got_wrong(cli: Cli, script: Script, words: list[str], told: str) -> None:
    script([say("x")])
    result = cli(*words)
    assert result.code == 2 and told in result.err


def test_no_tools_at_all(cli: Cli, script: Script) -> None:
    model = script([say("Paris.")])
    assert cli("agent", "--tools", "none", "What is the capital of France?").out == "Paris.\n"
    assert "Reply with one JSON object" in str(model.calls[0][0].text)


def test_over_a_knowledge_base(cli: Cli, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """With the real tools: the answer cites the characters of its passage; the default tools are there as far as they can be."""
    assert cli("ingest", str(folder)).code == 0
    monkeypatch.setenv("RAGBOT_AGENT__PROTOCOL", "text")
    model = ScriptedChatModel(
        [
            call("search_knowledge", query="Who published byte-pair encoding?"),
            call("calculator", expression="2026 - 1994"),
            say("Byte-pair encoding was published by Philip Gage in 1994 [1]."),
        ]
    )
    monkeypatch.setattr("ragbot.composing.agents.chat_model", lambda spec, settings: model)
    found = cli("agent", "Who published byte-pair encoding, and how many years ago?", "--json").json
    assert "search_knowledge(" in str(model.calls[0][0].text) and "weather(" in str(model.calls[0][0].text)
    assert [step["status"] for step in found["steps"] if step["kind"] == "observation"] == ["ok", "ok"]
    citation = found["sources"][0]["citation"]
    text = (folder / "bpe.md").read_text(encoding="utf-8")
    assert text[citation["start"] : citation["end"]] == citation["quote"]
    assert "Philip Gage" in citation["quote"]
    result = cli("agent", "--replay", found["run"])
    assert "bpe.md" in result.out and "Philip Gage in 1994." in result.out


def test_the_knowledge_base_that_is_named_has_to_be_there(cli: Cli, script: Script) -> None:
    script([say("x")])
    result = cli("agent", "--tools", "kb", "--kb", "nowhere", "What is it?")
    assert result.code == 2 and "there is no knowledge base 'nowhere'" in result.err

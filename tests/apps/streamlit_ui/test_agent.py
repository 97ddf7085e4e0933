"""The page of the agent, and turns of the chat that it answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool

from agents.policy import ConsentRequest
from agents.tools.base import Effect
from apps.api.principal import Principal
from apps.streamlit_ui.agent_work import _limited, owner_of
from apps.streamlit_ui.site import Site
from apps.streamlit_ui.visitor import Visitor
from ragbot.models.testing import ScriptedChatModel
from ragbot.workspace.agent_runs import AgentRuns
from ragbot.workspace.conversations import Conversations
from tests.apps.streamlit_ui.conftest import Opened
from tests.apps.streamlit_ui.looking import button, html_of, settled, words_of


def call(name: str, **arguments: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": "c1", "type": "tool_call"}])


@pytest.fixture
def says(site: Site) -> list[Any]:
    """What the agent's model says; to be filled."""
    replies: list[Any] = []
    site.bots.models.once("agent", lambda: (ScriptedChatModel(replies), "scripted"))
    return replies


def until(tested: Any, holds: Callable[[], bool]) -> None:
    for _ in range(100):
        tested.run()
        assert not tested.exception, tested.exception[0].value
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError(words_of(tested) + html_of(tested))


def test_a_task_its_steps_and_the_runs_before(page: Opened, site: Site, says: list[Any]) -> None:
    says += [call("calculator", expression="6 * 7"), AIMessage("It is 42 [1].")]
    tested = page("agent")
    assert "None yet" in words_of(tested)
    button(tested, "FormSubmitter:task").click().run()
    assert "task is empty" in words_of(tested)
    tested.text_area(key="task-text").set_value("What is 6 * 7?")
    button(tested, "FormSubmitter:task").click().run()
    until(tested, lambda: "It is 42" in html_of(tested).replace("&#32;", " "))
    assert "calculator" in html_of(tested)
    (head,) = AgentRuns(site.workspace).all()
    assert head["state"] == "done"
    tested = page("agent", language="zh")
    tested.selectbox(key="run").select(head["id"]).run()
    assert "calculator" in html_of(tested)
    button(tested, "run-delete-yes").click().run()
    assert AgentRuns(site.workspace).all() == []


@tool
def send_letter(text: str) -> str:
    """Send a letter."""
    return f"sent {text}"


@pytest.mark.parametrize(("decision", "came"), [("once", "sent"), ("deny", "refused")])
def test_consent_is_asked_on_the_page(
    page: Opened, site: Site, says: list[Any], monkeypatch: pytest.MonkeyPatch, decision: str, came: str
) -> None:
    from contextlib import contextmanager

    @contextmanager
    def outside(*_: object) -> Any:
        yield [send_letter]

    monkeypatch.setattr("apps.streamlit_ui.agent_work._outside", outside)
    says += [call("send_letter", text="hello"), AIMessage("Done.")]
    tested = page("agent")
    tested.text_area(key="task-text").set_value("Send hello")
    button(tested, "FormSubmitter:task").click().run()
    until(tested, lambda: any((one.key or "").startswith("consent-") for one in tested.button))
    assert "send&#95;letter" in html_of(tested)
    button(tested, f"consent-{decision}").click().run()
    until(tested, lambda: site.sessions.of(owner_of(Visitor(site, OWNER, "en")))[0].view().finished)
    steps = AgentRuns(site.workspace).steps(AgentRuns(site.workspace).all()[0]["id"])
    granted = [step for step in steps if step["kind"] == "consent"]
    assert [step["granted"] for step in granted] == [came == "sent"]


OWNER = Principal("owner", frozenset({"read", "write", "admin"}))


@pytest.mark.parametrize(
    ("scopes", "effects", "asked"),
    [
        ({"read"}, {Effect.NETWORK}, False),
        ({"read", "write"}, {Effect.NETWORK}, True),
        ({"read", "write"}, {Effect.EXECUTE}, False),
        ({"read", "write", "admin"}, {Effect.EXECUTE, Effect.WRITE}, True),
        ({"read"}, set(), True),
    ],
)
def test_nobody_is_asked_about_what_their_key_does_not_allow(
    site: Site, scopes: set[str], effects: set[Effect], asked: bool
) -> None:
    who = Visitor(site, Principal("x", frozenset(scopes), None, (), "k"), "en")
    seen: list[ConsentRequest] = []

    def ask(request: ConsentRequest) -> bool:
        seen.append(request)
        return True

    assert _limited(who, ask)(ConsentRequest("x", {}, frozenset(effects))) is asked
    assert bool(seen) is asked


def test_a_turn_of_the_chat_by_the_agent(page: Opened, site: Site, says: list[Any]) -> None:
    says += [call("search_knowledge", query="lighthouse"), AIMessage("Its lighthouse is painted green [1].")]
    tested = page("chat", wish_agent=True)
    tested.chat_input[0].set_value("What colour is the lighthouse of Aalto?").run()
    settled(tested)
    conversations = Conversations(site.workspace)
    (turn,) = conversations.turns(conversations.all()[0].id)
    assert (turn.state, turn.model) == ("complete", "agent")
    assert turn.citations and "green" in turn.text
    assert "data-citation" in html_of(tested)

"""Runs in the background: watched, asked, stopped, and given up where nobody answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any

import pytest

from agents.policy import ConsentCallback
from agents.react import Agent, AgentOptions, AgentStream
from agents.runs import RunsInMemory, load
from agents.steps import Consent, FinalAnswer, Observation
from ragbot.composing import agent_sessions
from ragbot.composing.agent_sessions import AgentSession, AgentSessions, Begin, SessionView
from ragbot.errors import GenerationError, UserError
from ragbot.models.testing import ScriptedChatModel
from tests.agents.doubles import call, fetch_tool, say

PAGE, OTHER = "http://example.org/a", "http://example.org/b"


def beginning(
    replies: Sequence[Any], question: str = f"Read {PAGE} and {OTHER}", store: Any = None
) -> tuple[Begin, list[str]]:
    opened: list[str] = []

    def begin(consent: ConsentCallback) -> AbstractContextManager[AgentStream]:
        agent = Agent(
            ScriptedChatModel(replies),
            [fetch_tool(opened)],
            options=AgentOptions(protocol="text"),
            consent=consent,
            store=store or RunsInMemory(),
        )
        return closing(agent.stream(question))

    return begin, opened


@pytest.fixture
def sessions() -> Iterator[AgentSessions]:
    made = AgentSessions(at_once=2)
    yield made
    made.close()


def until(session: AgentSession, fits: Callable[[SessionView], bool]) -> SessionView:
    deadline = time.monotonic() + 30
    while not fits(view := session.view()):
        assert time.monotonic() < deadline, view
        time.sleep(0.01)
    return view


def asked(session: AgentSession, number: int) -> SessionView:
    return until(session, lambda view: view.asked is not None and view.asked.number == number)


def ended(session: AgentSession) -> SessionView:
    return until(session, lambda view: view.finished)


def test_a_call_waits_for_the_person_and_is_made_once_they_agree(sessions: AgentSessions) -> None:
    begin, opened = beginning([call("fetch", url=PAGE), call("fetch", url=OTHER), say("Both read.")])
    session = sessions.start(begin, "Read")
    view = asked(session, 1)
    assert view.state == "asking" and view.asked is not None
    assert dict(view.asked.request.arguments) == {"url": PAGE} and opened == []
    assert session.decide(1, "once")
    assert not session.decide(1, "once")  # a second click
    assert asked(session, 2).asked is not None and opened == [PAGE]
    assert not session.decide(1, "once")  # a click on the question before
    assert session.decide(2, "deny")
    view = ended(session)
    assert (view.state, view.error, opened) == ("done", "", [PAGE])
    assert [step.granted for step in view.steps if isinstance(step, Consent)] == [True, False]
    assert isinstance(view.steps[-1], FinalAnswer) and view.steps[-1].text == "Both read."
    assert view.run and view.question == f"Read {PAGE} and {OTHER}" and view.seconds > 0


def test_allowed_for_the_run_is_not_asked_again_except_for_what_others_wrote(sessions: AgentSessions) -> None:
    foreign = "http://evil.example/x"
    begin, opened = beginning(
        [call("fetch", url=PAGE), call("fetch", url=OTHER), call("fetch", url=foreign), say("Read.")]
    )
    session = sessions.start(begin, "Read")
    asked(session, 1)
    session.decide(1, "run")
    view = asked(session, 2)
    assert opened == [PAGE, OTHER] and view.asked is not None
    assert [item.value for item in view.asked.request.suspicions] == [foreign]
    session.decide(2, "deny")
    assert ended(session).state == "done" and opened == [PAGE, OTHER]


def test_stop_while_the_person_is_asked_leaves_a_run_that_can_go_on(sessions: AgentSessions) -> None:
    store = RunsInMemory()
    begin, opened = beginning([call("fetch", url=PAGE), say("Never.")], store=store)
    session = sessions.start(begin, "Read")
    run = asked(session, 1).run
    session.cancel()
    view = ended(session)
    assert view.state == "interrupted" and view.asked is None and opened == []
    kept = load(store, run)
    assert kept.state == "interrupted" and kept.pending is not None
    assert not any(isinstance(step, Consent | Observation) for step in kept.steps)  # nobody refused anything


def test_nobody_answers() -> None:
    begin, opened = beginning([call("fetch", url=PAGE), say("Never.")])
    session = AgentSession(begin, "Read", patience=0.2)
    session.start()
    assert ended(session).state == "interrupted" and opened == []


@pytest.mark.parametrize(
    ("error", "said"),
    [(GenerationError("the model is away"), "the model is away"), (KeyError("x"), "unexpected KeyError")],
)
def test_an_error_is_told(sessions: AgentSessions, error: Exception, said: str) -> None:
    begin, _ = beginning([error])
    view = ended(sessions.start(begin, "Read"))
    assert view.state == "failed" and said in view.error


def test_what_cannot_begin_is_told(sessions: AgentSessions) -> None:
    def begin(consent: ConsentCallback) -> AbstractContextManager[AgentStream]:
        raise UserError("there is no such tool")

    view = ended(sessions.start(begin, "天气？", "zh"))
    assert (view.state, view.error, view.run, view.question) == ("failed", "there is no such tool", "", "天气？")


def test_owners_do_not_see_each_other_and_few_work_at_once(
    sessions: AgentSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = (sessions.start(beginning([call("fetch", url=PAGE)])[0], "Read", owner=o) for o in ("a", "b"))
    assert (
        sessions.of("a") == [mine] and sessions.get(theirs.id, "a") is None and sessions.get(theirs.id, "b") is theirs
    )
    with pytest.raises(UserError, match="2 runs are at work"):
        sessions.start(beginning([say("x")])[0], "Read")
    with pytest.raises(UserError, match="empty"):
        sessions.start(beginning([say("x")])[0], "  ")
    monkeypatch.setattr(agent_sessions, "_KEPT", 1)
    for session in (mine, theirs):
        session.cancel()
        ended(session)
    last = sessions.start(beginning([say("x")])[0], "Read", owner="a")
    assert ended(last).steps and sessions.get(mine.id, "a") is None and sessions.of("b") == [theirs]

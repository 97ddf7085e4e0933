"""The agent tab without a browser: who may allow what, what is shown, and the run that a page looks at."""

from __future__ import annotations

import time
from typing import Any

import gradio as gr
import pytest

from agents.policy import ConsentRequest
from agents.runs import AgentRun
from agents.steps import Action, FinalAnswer, Observation, Thought
from agents.tools.base import Effect
from apps.api.principal import OWNER, Principal
from apps.gradio_ui.agent_begin import beginning, bounded, runs_of, tools_for
from apps.gradio_ui.agent_html import past_html, run_html, session_html
from apps.gradio_ui.agent_watch import Looking, Watch
from apps.gradio_ui.site import Site, Visitor
from apps.gradio_ui.source_panel import SourcePanel
from apps.gradio_ui.text import LANGUAGES
from ragbot.composing.agent_sessions import AgentSessions, SessionView
from ragbot.errors import UserError
from ragbot.models.testing import ScriptedChatModel
from tests.agents.doubles import native

HOSTILE = "</p><script>x</script>&\"' \u202e\x00\ud800 字"
READER = Principal("reader", frozenset({"read"}), None, ("staff",), "k1")
WRITER = Principal("writer", frozenset({"read", "write"}), None, None, "k2")


def allowing(request: ConsentRequest) -> bool:
    return True


def request(*effects: Effect) -> ConsentRequest:
    return ConsentRequest("tool", {}, frozenset(effects))


def test_nobody_allows_more_than_they_may(site: Site) -> None:
    assert bounded(Visitor(site, READER, "en"), allowing) is None
    write = bounded(Visitor(site, WRITER, "en"), allowing)
    assert write is not None
    assert write(request(Effect.NETWORK)) and write(request())
    assert not write(request(Effect.WRITE)) and not write(request(Effect.NETWORK, Effect.EXECUTE))
    assert bounded(Visitor(site, OWNER, "en"), allowing) is allowing


def test_tools_are_those_of_the_settings_in_words(site: Site) -> None:
    offered = dict(tools_for(Visitor(site, OWNER, "zh")))
    assert offered["计算器"] == "calculator" and "mcp" not in offered.values()
    assert set(offered.values()) == set(site.settings.agent.tools)


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_a_run_says_is_text(language: str) -> None:
    steps = (
        Thought(text=HOSTILE),
        Action(id="c", tool=HOSTILE, arguments={HOSTILE: HOSTILE}),
        Observation(action="c", tool=HOSTILE, text=HOSTILE),
        FinalAnswer(text=HOSTILE),
    )
    rows = [{"id": "ab", "question": HOSTILE, "state": state, "updated": "?", "steps": 2} for state in ("running", "?")]
    shown = [
        session_html(SessionView("s", "r", HOSTILE, "en", "failed", steps, error=HOSTILE), language),
        session_html(SessionView("s", "", HOSTILE, "en", "starting"), language),
        run_html(AgentRun("r", HOSTILE, "en", steps, error=HOSTILE, state="failed"), language),
        past_html(rows, language),
    ]
    for html in shown:
        html.encode()
        assert "<script" not in html and "\u202e" not in html and html.startswith('<div class="rb')
    assert past_html([], language) != past_html(rows, language)


def test_a_run_under_way_is_not_shown_as_cut_off() -> None:
    row = {"id": "ab", "question": "q", "state": "running", "updated": "2026-01-01T00:00:00+00:00", "steps": 2}
    assert "stopped" in past_html([row], "en") and "at work" in past_html([row], "en", {"ab"})


@pytest.fixture
def watch(site: Site) -> Any:
    sessions = AgentSessions()
    panel = SourcePanel(gr.HTML(), gr.State())
    made = Watch(
        sessions, panel, gr.Column(), gr.HTML(), gr.HTML(), gr.Button(), gr.Button(), gr.Row(), gr.Button(), gr.HTML(),
        gr.Timer(), gr.State(),
    )  # fmt: skip
    yield made
    sessions.close()


def scripted(site: Site, *replies: Any) -> None:
    """The agent of the app says these replies."""
    site.bots.models.once("agent", lambda: (ScriptedChatModel(replies), "scripted"))


def begun(watch: Watch, visitor: Visitor) -> Looking:
    begin = beginning(visitor, "default", ["calculator", "python", "nonsense"], "What is 6 * 7?")
    session = watch.sessions.start(begin, "What is 6 * 7?", visitor.language, visitor.principal.owner)
    return Looking(session.id)


def ended(watch: Watch, visitor: Visitor, looking: Looking) -> SessionView:
    session = watch.session(visitor, looking)
    assert session is not None
    deadline = time.monotonic() + 120
    while not session.view().finished:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return session.view()


def test_a_run_is_watched_kept_and_its_owners_alone(watch: Watch, site: Site) -> None:
    owner, writer = Visitor(site, OWNER, "en"), Visitor(site, WRITER, "en")
    scripted(site, native(("calculator", {"expression": "6 * 7"})), "It is 42 [1].")
    looking = begun(watch, owner)
    view = ended(watch, owner, looking)
    assert (view.state, view.error) == ("done", "")
    shown = watch.standing(owner, looking)
    assert "42" in shown[watch.steps] and not shown[watch.stop]["visible"] and shown[watch.go]["interactive"]
    again = watch.standing(owner, shown[watch.looking])
    assert list(again) == [watch.looking]  # nothing new is not sent again
    assert view.run in watch.listed(owner) and view.run not in watch.listed(writer)
    assert "42" in watch.opened(owner, view.run)[watch.steps]
    assert watch.session(writer, looking) is None
    with pytest.raises(UserError, match="no run"):
        watch.opened(writer, view.run)
    assert watch.attached(writer, Looking())[watch.steps] == ""
    runs_of(owner).delete([view.run])
    assert view.run not in watch.listed(owner)


def test_a_page_that_is_opened_finds_the_run_under_way(watch: Watch, site: Site) -> None:
    owner = Visitor(site, OWNER, "zh")
    scripted(site, native(("fetch_page", {"url": "http://127.0.0.1:9/"})), "Done.")
    begin = beginning(owner, "default", ["fetch"], "Read http://127.0.0.1:9/")
    session = watch.sessions.start(begin, "Read", "zh")
    deadline = time.monotonic() + 120
    while session.view().asked is None:
        assert time.monotonic() < deadline, session.view()
        time.sleep(0.02)
    shown = watch.attached(owner, Looking())
    assert shown[watch.consent]["visible"] and "fetch" in shown[watch.question]
    assert shown[watch.looking].asked == 1 and shown[watch.stop]["visible"]
    session.cancel()
    ended(watch, owner, shown[watch.looking])
    shown = watch.standing(owner, shown[watch.looking])
    assert not shown[watch.consent]["visible"] and shown[watch.resume]["visible"]

"""The page of the agent: a task, its steps as they happen, what it asks, and the runs before."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from agents.runs import load
from apps.streamlit_ui import agent_runs, agent_steps
from apps.streamlit_ui.agent_work import owner_of, start, tools_for
from apps.streamlit_ui.bridge import clicked
from apps.streamlit_ui.drawing import again_and_again
from apps.streamlit_ui.errors import shown
from apps.streamlit_ui.sources import open_source
from apps.streamlit_ui.visitor import Visitor, still, visitor
from apps.streamlit_ui.words import plain
from ragbot.bot import RagBot
from ragbot.composing.agent_sessions import AgentSession
from ragbot.showing.answers import failure_html
from ragbot.workspace.agent_runs import AgentRuns

_LONGEST, _EVERY = 8000, 0.5


def show() -> None:
    """Draw the page."""
    who = visitor()
    with shown(who.language), who.using() as bot:
        st.subheader(who.say("page_agent"), anchor=False)
        sessions = who.site.sessions.of(owner_of(who))
        session = sessions[0] if sessions else None
        running = session is not None and not session.view().finished
        _task(who, bot, running)
        with shown(who.language):
            if session is not None and running:
                _watched(who, session)
            elif session is not None:
                _ended(who, session)
        agent_runs.draw(who)
        _opened(who, clicked("run"))


def _task(who: Visitor, bot: RagBot, running: bool) -> None:
    with st.form("task", border=False):
        task = st.text_area(
            who.say("task"), key="task-text", placeholder=who.say("task_hint"), max_chars=_LONGEST, height=100
        )
        there = tools_for(who, bot)
        tools = st.multiselect(
            who.say("tools"), there, there, key="tools", format_func=plain, help=who.say("tools_hint")
        )
        sent = st.form_submit_button(who.say("begin"), type="primary", icon=":material/play_arrow:", disabled=running)
    if sent:
        with shown(who.language):
            start(who, who.kb, task.strip(), tools=None if tools == there else tools)
            st.rerun()


def _watched(who: Visitor, session: AgentSession) -> None:
    _question(session)
    again_and_again(_watching, _EVERY, who, session)


def _watching(who: Visitor, session: AgentSession) -> None:
    if session.view().finished:
        st.rerun()
    agent_steps.draw(who, session)
    st.button(who.say("stop"), key="stop-run", icon=":material/stop_circle:", on_click=still(session.cancel))


def _ended(who: Visitor, session: AgentSession) -> None:
    _question(session)
    agent_steps.draw(who, session, f"run {session.view().run}")
    view = session.view()
    if view.error:
        st.html(failure_html(who.say("failed"), view.error))
    elif view.state == "interrupted":
        st.info(who.say("run_stopped"))


def _question(session: AgentSession) -> None:
    st.markdown(f"**{plain(session.view().question, 500)}**")


def _opened(who: Visitor, told: Mapping[str, str] | None) -> None:
    """Open the passage that was clicked in an answer."""
    if told is None or not told.get("index", "").isdecimal():
        return
    with shown(who.language):
        run = load(AgentRuns(who.workspace), told["scope"].partition(" ")[2])
        if int(told["index"]) < len(run.citations):
            open_source(who, who.kb, run.citations[int(told["index"])])

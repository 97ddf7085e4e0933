"""The runs of the agent that are kept: shown again, gone on with, deleted."""

from __future__ import annotations

import streamlit as st

from agents.runs import load
from apps.streamlit_ui.agent_work import start
from apps.streamlit_ui.bridge import html
from apps.streamlit_ui.errors import shown
from apps.streamlit_ui.visitor import Visitor, still
from apps.streamlit_ui.words import plain
from ragbot.showing.conversations import when
from ragbot.showing.steps import steps_html
from ragbot.workspace.agent_runs import AgentRuns

#: Runs that are listed.
_LISTED = 50
_ICONS = {"done": "check_circle", "running": "sync", "interrupted": "pause_circle", "failed": "error"}


def draw(who: Visitor) -> None:
    """The list, and the one that is chosen."""
    store = AgentRuns(who.workspace)
    heads = store.all(_LISTED)
    st.divider()
    st.markdown(f"**{who.say('runs_before')}**")
    if not heads:
        st.caption(who.say("no_runs_yet"))
        return
    questions = {str(head["id"]): head for head in heads}

    def named(identity: str) -> str:
        head = questions[identity]
        return (
            f"{when(str(head['updated']), who.language)} · {who.say('run_' + head['state'])} · {head['question'][:80]}"
        )

    chosen = st.selectbox(
        who.say("choose_run"), list(questions), index=None, key="run", format_func=named, placeholder=who.say("choose")
    )
    if chosen:
        with shown(who.language):
            _shown(who, store, chosen)


def _shown(who: Visitor, store: AgentRuns, identity: str) -> None:
    run = load(store, identity)
    st.markdown(f"**{plain(run.question, 500)}**")
    html(steps_html(run.steps, who.language), f"run {run.id}")
    if run.error:
        st.error(plain(run.error))
    with st.container(horizontal=True):
        if run.answer is None and st.button(who.say("resume"), key="resume", icon=":material/play_arrow:"):
            start(who, who.kb, run.question, resume=run.id)
            st.rerun()
        with st.popover(who.say("delete_run"), icon=":material/delete:", key="run-delete"):
            st.markdown(who.say("delete_run_sure"))
            st.button(
                who.say("remove_yes"),
                key="run-delete-yes",
                type="primary",
                on_click=still(_delete),
                args=(store, identity),
            )


def _delete(store: AgentRuns, identity: str) -> None:
    store.delete([identity])
    st.session_state.pop("run", None)

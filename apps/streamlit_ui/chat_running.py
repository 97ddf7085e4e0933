"""An answer on its way: what there is of it, and a button that stops it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from apps.streamlit_ui import agent_steps
from apps.streamlit_ui.chat_turns import question
from apps.streamlit_ui.drawing import again_and_again
from apps.streamlit_ui.visitor import Visitor, still
from apps.streamlit_ui.working import Work
from ragbot.composing.agent_sessions import AgentSession
from ragbot.showing.answers import partial_html

#: Seconds between two looks at it.
EVERY = 0.3


def growing(who: Visitor, work: Work[Any]) -> None:
    """The question, and its answer as it grows; the page is drawn anew when it is whole."""
    question(str(work.about.get("question", "")))
    with st.chat_message("assistant", avatar=":material/auto_stories:"):
        again_and_again(_grow, EVERY, who, work)


def _grow(who: Visitor, work: Work[Any]) -> None:
    if not work.running:
        st.rerun()
    session = work.about.get("session")
    if isinstance(session, AgentSession):
        agent_steps.draw(who, session)
    elif not work.begun:
        st.caption(who.say("in_line"))
    else:
        st.html(partial_html("".join(item for item in tuple(work.items) if isinstance(item, str)), who.language))
    st.button(
        who.say("stop"),
        key="stop",
        icon=":material/stop_circle:",
        on_click=still(work.stop),
        disabled=work.stopping.is_set(),
    )

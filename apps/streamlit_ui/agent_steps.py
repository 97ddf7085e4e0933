"""A run of the agent on a page: its steps so far, and the question to the person where it waits for one."""

from __future__ import annotations

import streamlit as st

from apps.streamlit_ui.bridge import html
from apps.streamlit_ui.visitor import Visitor, still
from ragbot.composing.agent_sessions import AgentSession, Decision
from ragbot.showing.steps import consent_html, steps_html

#: The buttons below a question, with their icons.
_DECISIONS: tuple[tuple[Decision, str], ...] = (("once", "check"), ("run", "done_all"), ("deny", "block"))


def draw(who: Visitor, session: AgentSession, scope: str = "") -> None:
    """The steps of a run under way or done, and what it asks.

    Args:
        scope: see :func:`apps.streamlit_ui.bridge.html`.
    """
    view = session.view()
    html(steps_html(view.steps, who.language, running=not view.finished), scope)
    if view.asked is None:
        return
    with st.container(border=True):
        html(consent_html(view.asked.request, who.language))
        with st.container(horizontal=True):
            for decision, icon in _DECISIONS:
                st.button(
                    who.say(f"consent_{decision}"),
                    key=f"consent-{decision}-{session.id}-{view.asked.number}",
                    icon=f":material/{icon}:",
                    type="primary" if decision == "once" else "secondary",
                    on_click=still(session.decide),
                    args=(view.asked.number, decision),
                )

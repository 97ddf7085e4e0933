"""The page of knowledge bases: documents brought in by jobs, listed, opened, changed and removed."""

from __future__ import annotations

import streamlit as st

from apps.streamlit_ui import knowledge_add, knowledge_bases, knowledge_jobs, knowledge_list
from apps.streamlit_ui.errors import shown
from apps.streamlit_ui.visitor import visitor


def show() -> None:
    """Draw the page."""
    who = visitor()
    with shown(who.language):
        left, right = st.columns([4, 1], vertical_alignment="center")
        left.subheader(who.say("page_knowledge"), anchor=False)
        with right, st.container(horizontal=True, horizontal_alignment="right"):
            knowledge_bases.draw(who)
        if who.may("write"):
            knowledge_add.draw(who)
            knowledge_jobs.draw(who)
        knowledge_list.draw(who)

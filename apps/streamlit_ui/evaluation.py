"""The page of evaluations: run one, watch it, look at its figures, compare two, open a report."""

from __future__ import annotations

import streamlit as st

from apps.streamlit_ui import evaluation_new, evaluation_runs
from apps.streamlit_ui.drawing import again_and_again
from apps.streamlit_ui.errors import shown
from apps.streamlit_ui.visitor import Visitor, still, visitor
from apps.streamlit_ui.words import plain
from eval.background import View
from ragbot.showing.progress import Progress, duration, progress_html

_EVERY = 1.0


def show() -> None:
    """Draw the page."""
    who = visitor()
    with shown(who.language):
        st.subheader(who.say("page_evaluation"), anchor=False)
        if not who.is_owner:  # it asks any documents, and reads and writes files of the machine
            st.info(who.say("owner_only"))
            return
        view = who.site.evaluations.view()
        running = view is not None and not view.finished
        evaluation_new.draw(who, running)
        if view is not None and running:
            again_and_again(_watching, _EVERY, who)
        elif view is not None and view.error:
            st.error(plain(view.error))
        evaluation_runs.draw(who)


def _watching(who: Visitor) -> None:
    view = who.site.evaluations.view()
    if view is None or view.finished:
        st.rerun()
    with st.container(border=True):
        _progress(who, view)
        st.button(
            who.say("stopping" if view.stopping else "stop"),
            key="stop-evaluation",
            icon=":material/stop_circle:",
            disabled=view.stopping,
            on_click=still(who.site.evaluations.stop),
        )


def _progress(who: Visitor, view: View) -> None:
    st.markdown(f"**{plain(view.run or view.dataset)}**")
    if view.state == "preparing":
        counted = Progress(view.total_files)
        counted.update(files=view.files, total_files=view.total_files)
        st.html(progress_html(counted, who.language))
        return
    st.progress(view.done / view.total if view.total else 0.0)
    parts = [who.say("questions_done", done=view.done, total=view.total)]
    if view.errors:
        parts.append(who.say("questions_failed", count=view.errors))
    if view.left is not None:
        parts.append(who.say("left", time=duration(view.left, who.language)))
    st.caption(plain(" · ".join(parts)))

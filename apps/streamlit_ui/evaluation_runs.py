"""The evaluations that are stored: figures of one, two compared, the report as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from apps.streamlit_ui.bridge import clicked, html
from apps.streamlit_ui.errors import shown
from apps.streamlit_ui.visitor import Visitor
from ragbot.showing.evaluations import comparison_html, figures_html, runs_html

if TYPE_CHECKING:
    from eval.contrast import Contrast
    from eval.records import Run
    from eval.summary import Figure

REPORT = "report.html"
_HEIGHT = 900


def draw(who: Visitor) -> None:
    """The list, and what is chosen from it."""
    store = who.site.evaluations.store
    manifests = store.manifests()
    st.divider()
    st.markdown(f"**{who.say('evaluations')}**")
    html(runs_html(manifests, who.language), "evaluation")
    told = clicked("evaluation")
    if not manifests:
        return
    names = [str(manifest["name"]) for manifest in manifests]
    if told and told.get("run") in names:
        st.session_state["evaluation"] = told["run"]
    if st.session_state.get("evaluation") not in names:
        st.session_state["evaluation"] = names[0]
    left, right = st.columns(2)
    name = left.selectbox(who.say("run_shown"), names, key="evaluation")
    others = [other for other in names if other != name]
    against = right.selectbox(
        who.say("run_against"), others, index=None, key="against", placeholder=who.say("nothing"), disabled=not others
    )
    with shown(who.language):
        _shown(who, store.load(name), store.load(against) if against else None)


def _shown(who: Visitor, run: Run, before: Run | None) -> None:
    every = st.toggle(who.say("all_figures"), key="all-figures")
    figures = _figures(run.name, str(run.manifest["finished"]), len(run.rows), run)
    found = None
    if before is not None:
        found = _contrast((before.name, len(before.rows)), (run.name, len(run.rows)), before, run)
        html(comparison_html(found, who.language, every=every))
    html(figures_html(run, figures, who.language, every=every))
    if run.folder is not None and run.rows:
        _report(who, run, figures, found)
    if not run.manifest["finished"] or run.errors:
        if st.button(who.say("resume"), key="resume-evaluation", icon=":material/play_arrow:"):
            who.site.evaluations.resume(run.name)
            st.rerun()


def _report(who: Visitor, run: Run, figures: list[Figure], found: Contrast | None) -> None:
    """Write the page, and show it: it needs nothing but itself."""
    from eval.report import check_extras, write_report

    if st.button(who.say("open_report"), key="open-report", icon=":material/article:"):
        check_extras()
        path = Path(run.folder or ".") / REPORT
        with st.spinner(who.say("writing_report")):
            write_report(run, figures, path, found, "zh" if who.language == "zh" else "en")
        page = path.read_text(encoding="utf-8")
        st.download_button(who.say("save_report"), page, f"{run.name}.html", "text/html", on_click="ignore")
        st.iframe(page, height=_HEIGHT, alt=who.say("open_report"))


@st.cache_resource(max_entries=32, show_spinner=True)
def _figures(name: str, finished: str, rows: int, _run: Run) -> list[Figure]:
    from eval.summary import summarize

    return summarize(_run.rows)


@st.cache_resource(max_entries=32, show_spinner=True)
def _contrast(a: tuple[str, int], b: tuple[str, int], _before: Run, _after: Run) -> Contrast:
    from eval.contrast import contrast

    return contrast(_before, _after)

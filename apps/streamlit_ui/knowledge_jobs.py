"""The jobs that bring documents in, as they go on; they outlive the page and the program."""

from __future__ import annotations

import streamlit as st

from apps.streamlit_ui.drawing import again_and_again
from apps.streamlit_ui.visitor import Visitor, still
from apps.streamlit_ui.words import plain
from ragbot.composing.intake import report_of
from ragbot.showing.answers import report_html
from ragbot.showing.conversations import when
from ragbot.showing.html import file_name
from ragbot.showing.progress import progress_html
from ragbot.workspace.jobs_records import Job, JobProgress

#: Jobs that are listed, and seconds between two looks at those at work.
_LISTED, _EVERY = 10, 1.0
_ICONS = {
    "queued": "schedule",
    "running": "sync",
    "interrupted": "pause_circle",
    "done": "check_circle",
    "failed": "error",
    "cancelled": "cancel",
}


def draw(who: Visitor) -> None:
    """Those at work, and what became of the last ones."""
    jobs = _jobs(who)
    working = [job.id for job in jobs if not job.finished]
    if working:
        again_and_again(_working, _EVERY, who, working)
    done = [job for job in jobs if job.finished]
    if not done:
        return
    for job in done[:1]:
        _finished(who, job, expanded=job.id in st.session_state.get("watched", ()))
    if done[1:]:
        with st.popover(who.say("jobs_before", count=len(done) - 1), icon=":material/history:", type="tertiary"):
            for job in done[1:]:
                _finished(who, job, expanded=False)


def _jobs(who: Visitor) -> list[Job]:
    """Whoever does not see all documents sees their own jobs."""
    folder = who.site.bots.folder(who.kb)
    owner = None if who.principal.groups is None else who.principal.owner
    return who.site.jobs.all(folder, owner, _LISTED)


def _working(who: Visitor, working: list[str]) -> None:
    """Those that were at work when the page was drawn; it is drawn anew when one of them is done."""
    jobs = [job for job in _jobs(who) if job.id in working]
    if len(jobs) < len(working) or any(job.finished for job in jobs):
        st.session_state["watched"] = [job.id for job in jobs if job.finished]
        st.rerun()
    for job in jobs:
        with st.container(border=True):
            st.markdown(_title(who, job))
            st.html(progress_html(job.progress or JobProgress(), who.language))
            st.button(
                who.say("cancelling" if job.cancelling else "cancel"),
                key=f"cancel-{job.id}",
                icon=":material/cancel:",
                disabled=job.cancelling,
                on_click=still(who.site.jobs.cancel, "write"),
                args=(job.id,),
            )


def _finished(who: Visitor, job: Job, expanded: bool) -> None:
    with st.expander(_title(who, job), icon=f":material/{_ICONS[job.state]}:", expanded=expanded):
        if job.error:
            st.error(plain(job.error))
        st.html(report_html(report_of(who.site.jobs, job), who.language))
        st.button(
            who.say("forget_job"),
            key=f"forget-{job.id}",
            icon=":material/close:",
            type="tertiary",
            help=who.say("forget_job_hint"),
            on_click=still(who.site.jobs.delete, "write"),
            args=([job.id],),
        )


def _title(who: Visitor, job: Job) -> str:
    named = [plain(file_name(path), 40) for path in job.request.paths[:3]]
    more = f" +{len(job.request.paths) - 3}" if len(job.request.paths) > 3 else ""
    state = who.say(f"job_{job.state}")
    return f"**{state}** · {', '.join(named)}{more} · {plain(when(job.created, who.language))}"

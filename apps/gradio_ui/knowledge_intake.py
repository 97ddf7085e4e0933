"""Files and pages on their way in: handed over as a job that outlives the page, watched, stopped, and reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from apps.gradio_ui import clicks, uploads
from apps.gradio_ui.frame import QUIET, Frame
from apps.gradio_ui.knowledge_html import finished_html, working_html
from apps.gradio_ui.knowledge_listing import Listing, Wanted
from apps.gradio_ui.site import Visitor
from apps.gradio_ui.text import label
from apps.gradio_ui.visiting import at_work
from ragbot.bot import RagBot
from ragbot.composing.intake import Asker, report_of, submit
from ragbot.index.labels import Labels, declared_tags, tags_of
from ragbot.workspace.jobs import Jobs
from ragbot.workspace.jobs_runner import JobRunner

#: Finished jobs that are listed.
_LISTED = 5
#: Seconds between two looks at the jobs, while there are some at work.
_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Intake:
    """The upper part of the knowledge tab.

    Attributes:
        frame: the page.
        jobs: of the workspace; ``runner`` does them.
        group: what only those see who may write.
        working, finished: the jobs, as HTML.
        timer: looks while jobs are at work.
        known: ids of the jobs that were at work at the last look.
    """

    frame: Frame
    jobs: Jobs
    runner: JobRunner
    group: gr.Column
    files: gr.File
    urls: gr.Textbox
    tags: gr.Textbox
    add: gr.Button
    working: gr.HTML
    finished: gr.HTML
    timer: gr.Timer
    known: gr.State

    @property
    def shows(self) -> list[Any]:
        """What :meth:`standing` fills."""
        return [self.group, self.working, self.finished, self.timer, self.known]

    def standing(self, bot: RagBot, visitor: Visitor) -> dict[Any, Any]:
        """The jobs of a knowledge base as they stand for this visitor."""
        may = visitor.may("write")
        listed = self.jobs.all(bot.kb.folder, owner_of(visitor), limit=50) if may else []
        at_work = [job for job in reversed(listed) if not job.finished]
        ended = [job for job in listed if job.finished][:_LISTED]
        working = [(job, self.jobs.files(job.id, "failed", limit=5)) for job in at_work]
        return {
            self.group: gr.update(visible=may),
            self.working: working_html(working, visitor.language),
            self.finished: finished_html([(job, report_of(self.jobs, job)) for job in ended], visitor.language),
            self.timer: gr.Timer(_EVERY, active=bool(at_work)),
            self.known: [job.id for job in at_work],
        }


def lay_out(frame: Frame) -> Intake:
    """The components, and the runner, which goes on with what an earlier process has left."""
    site = frame.site
    jobs = Jobs(site.workspace)
    runner = JobRunner(jobs, site.bots.at)
    runner.start()
    site.at_end.append(runner.stop)
    with gr.Column(elem_id="rb-intake") as group:
        files = gr.File(label=label("knowledge_upload"), file_count="multiple", height=132, elem_id="rb-upload")
        with gr.Row(elem_classes="rb-fields"):
            urls = gr.Textbox(
                value="",
                label=label("knowledge_urls"), placeholder=label("knowledge_urls_hint"), lines=1, max_lines=6,
                max_length=100_000, scale=3, min_width=220, elem_id="rb-urls",
            )  # fmt: skip
            tags = gr.Textbox(
                value="",
                label=label("knowledge_tags"), placeholder=label("knowledge_tags_hint"), max_length=2_000, scale=2,
                min_width=180, elem_id="rb-tags",
            )  # fmt: skip
            add = gr.Button(
                label("knowledge_add_urls"), variant="primary", scale=0, min_width=120, elem_id="rb-add-urls"
            )
        working = clicks.clickable("pick", elem_id="rb-working", label=label("knowledge_jobs"))
        finished = clicks.clickable("pick", elem_id="rb-finished", label=label("knowledge_jobs"))
    timer = gr.Timer(_EVERY, active=False)
    return Intake(frame, jobs, runner, group, files, urls, tags, add, working, finished, timer, gr.State([]))


def connect(intake: Intake, listing: Listing) -> None:
    """Let the components act; ``listing`` is filled anew when documents have come or gone."""
    frame = intake.frame
    fields = [intake.tags, frame.kb]

    def hand_over(files: list[str] | None, urls: str, tags: str, kb: str, request: gr.Request) -> dict[Any, Any]:
        # Outermost, so that Gradio's copies go however this ends.
        with uploads.received(files) as paths, at_work(frame, request, kb, "write") as (visitor, bot):
            labels = Labels(tags=written_tags(tags)) if tags and tags.strip() else None
            submit(bot, intake.jobs, paths, (urls or "").split(), labels=labels, asker=asker_of(visitor))
            intake.runner.wake()
            return intake.standing(bot, visitor)

    def sent(files: list[str] | None, tags: str, kb: str, request: gr.Request) -> dict[Any, Any]:
        return hand_over(files, "", tags, kb, request)

    def named(urls: str, tags: str, kb: str, request: gr.Request) -> dict[Any, Any]:
        return {intake.urls: "", **hand_over(None, urls, tags, kb, request)}

    def look(kb: str, known: list[str], changes: int, wanted: Wanted, request: gr.Request) -> dict[Any, Any]:
        with at_work(frame, request, kb) as (visitor, bot):
            now = intake.standing(bot, visitor)
            if set(known) <= set(now[intake.known]):
                return now
            return {**now, **listing.standing(bot, visitor, wanted), frame.changed: changes + 1}

    def act(kb: str, request: gr.Request, event: gr.EventData) -> dict[Any, Any]:
        with at_work(frame, request, kb, "write") as (visitor, bot):
            mine = {job.id: job for job in intake.jobs.all(bot.kb.folder, owner_of(visitor))}
            wanted = clicks.text(event, "cancel")
            if wanted in mine:
                intake.jobs.cancel(wanted)
            elif clicks.text(event, "clear"):
                intake.jobs.delete(identity for identity, job in mine.items() if job.finished)
            return intake.standing(bot, visitor)

    handed = intake.files.upload(sent, [intake.files, *fields], intake.shows, **QUIET)
    handed.then(lambda: None, None, [intake.files], queue=False, **QUIET)  # also where it failed: they are gone
    gr.on([intake.add.click, intake.urls.submit], named, [intake.urls, *fields], [intake.urls, *intake.shows], **QUIET)
    intake.timer.tick(
        look, [frame.kb, intake.known, frame.changed, listing.wanted], [*intake.shows, *listing.shows, frame.changed],
        trigger_mode="once", **QUIET,
    )  # fmt: skip
    for component in (intake.working, intake.finished):
        component.pick(act, [frame.kb], intake.shows, **QUIET)


def written_tags(text: str) -> tuple[str, ...]:
    """Tags as a person writes them, with commas between."""
    return tags_of(declared_tags(text))


def owner_of(visitor: Visitor) -> str | None:
    """Whose jobs a visitor sees: all of them, if they see all documents, else their own."""
    return None if visitor.principal.groups is None else visitor.principal.owner


def asker_of(visitor: Visitor) -> Asker:
    """Who hands documents over. What the owner allows at the machine is not everybody's."""
    at_machine = visitor.principal.key_id is None
    return Asker(visitor.principal.owner, visitor.where(), None if at_machine else False)

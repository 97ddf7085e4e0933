"""What the knowledge tab shows of jobs, of a document and of the knowledge bases, as HTML."""

from __future__ import annotations

from collections.abc import Sequence

from apps.gradio_ui.text import say
from ragbot.documents import Document, IngestReport
from ragbot.index.labels import COLLECTION, tags_of
from ragbot.showing import words
from ragbot.showing.answers import failure_html
from ragbot.showing.conversations import when
from ragbot.showing.documents import report_html
from ragbot.showing.html import block, chip, file_name, note, safe, shortened
from ragbot.showing.progress import progress_html
from ragbot.workspace.jobs_records import FileOutcome, Job, JobProgress

#: Names of what a job brings in that its line shows.
_NAMED = 3


def working_html(jobs: Sequence[tuple[Job, Sequence[FileOutcome]]], language: str) -> str:
    """Jobs that wait or are at work, each with its progress, what failed so far, and a button that stops it."""
    return block("".join(_working(job, failed, language) for job, failed in jobs)) if jobs else ""


def finished_html(jobs: Sequence[tuple[Job, IngestReport]], language: str) -> str:
    """Jobs that have ended, the newest with its report open."""
    if not jobs:
        return ""
    shown = "".join(_finished(job, report, language, number == 0) for number, (job, report) in enumerate(jobs))
    clear = safe(say(language, "knowledge_clear"))
    return block(
        f'<div class="rb-job-list" role="region" aria-label="{safe(say(language, "knowledge_jobs"))}">{shown}</div>'
        f'<button type="button" class="rb-link" data-clear="1">{clear}</button>'
    )


def document_head(document: Document, chunks: int, language: str) -> str:
    """What is known of a document beside its text."""
    labels = [document.type, document.language, document.date or "", document.metadata.get(COLLECTION, "")]
    labels += [f"#{tag}" for tag in tags_of(document.metadata)]
    labels.append(words.say(language, "passage_count", count=1 if chunks == 1 else f"{chunks:,}"))
    if document.acl:
        labels.append(say(language, "knowledge_access", groups=", ".join(document.acl)))
    chips = "".join(chip(shortened(one, 100)) for one in labels if one)
    return block(f'<p>{chips}</p><p class="rb-where">{safe(shortened(document.source, 500), " ")}</p>')


def bases_html(rows: Sequence[tuple[str, int | None, int | None]], current: str, language: str) -> str:
    """The knowledge bases: names with their documents and passages, None where one cannot be used."""
    columns = ("knowledge_column_name", "knowledge_column_documents", "knowledge_column_passages")
    head = "".join(f'<th scope="col">{safe(say(language, key))}</th>' for key in columns)
    body = []
    for name, documents, chunks in rows:
        mark = " " + chip(say(language, "knowledge_chosen")) if name == current else ""
        if documents is None:
            cells = f'<td colspan="2">{safe(say(language, "knowledge_unusable"))}</td>'
        else:
            cells = f"<td>{documents:,}</td><td>{chunks or 0:,}</td>"
        body.append(f'<tr><th scope="row">{safe(shortened(name, 100), " ")}{mark}</th>{cells}</tr>')
    label = safe(say(language, "knowledge_bases"))
    return block(
        f'<div class="rb-scroll" tabindex="0" role="region" aria-label="{label}">'
        f'<table class="rb-table"><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'
    )


def _working(job: Job, failed: Sequence[FileOutcome], language: str) -> str:
    if job.state == "running":
        state = progress_html(job.progress or JobProgress(), language)
    else:
        state = note(say(language, f"knowledge_state_{job.state}_hint"))
    missed = ""
    if failed:
        items = "".join(f"<li>{_failed(one)}</li>" for one in failed[:5])
        missed = f'<ul class="rb-failures">{items}</ul>'
    word = safe(say(language, "knowledge_stopping" if job.cancelling else "knowledge_cancel"))
    disabled = " disabled" if job.cancelling else ""
    return (
        f'<div class="rb-card rb-job"><div class="rb-job-head">{_head(job, language)}'
        f'<button type="button" class="rb-open" data-cancel="{safe(job.id, " ")}"{disabled}>{word}</button></div>'
        f"{state}{missed}</div>"
    )


def _finished(job: Job, report: IngestReport, language: str, is_open: bool) -> str:
    problem = failure_html(say(language, "knowledge_job_failed"), job.error) if job.error else ""
    if job.state == "cancelled":
        problem = note(say(language, "knowledge_state_cancelled_hint"))
    return (
        f'<details class="rb-card rb-job"{" open" if is_open else ""}><summary>{_head(job, language)}</summary>'
        f"{problem}{report_html(report, language)}</details>"
    )


def _head(job: Job, language: str) -> str:
    names = [shortened(file_name(path), 80) for path in job.request.paths[:_NAMED]]
    more = len(job.request.paths) - len(names)
    named = say(language, "knowledge_and_more", names=", ".join(names), count=more) if more else ", ".join(names)
    state = chip(say(language, f"knowledge_state_{job.state}"), f"rb-{job.state}")
    return (
        f'<span class="rb-job-name">{state} <span class="rb-title">{safe(named, " ")}</span> '
        f'<span class="rb-where">{safe(when(job.created, language))}</span></span>'
    )


def _failed(file: FileOutcome) -> str:
    name = file_name(file.source)
    reason = file.reason.removeprefix(file.source).removeprefix(name).lstrip(": ")
    return f'<strong title="{safe(file.source, " ")}">{safe(shortened(name, 120), " ")}</strong> {safe(shortened(reason, 400))}'

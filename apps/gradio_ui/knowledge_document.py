"""One document: its text with the borders of its chunks, its tags; read again, and deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from apps.gradio_ui import clicks
from apps.gradio_ui.frame import QUIET, Frame
from apps.gradio_ui.knowledge_html import document_head
from apps.gradio_ui.knowledge_intake import Intake, asker_of, written_tags
from apps.gradio_ui.knowledge_listing import Listing, Wanted
from apps.gradio_ui.site import Visitor
from apps.gradio_ui.text import label, say
from apps.gradio_ui.visiting import at_work
from ragbot.bot import RagBot
from ragbot.composing.intake import submit_again
from ragbot.index.access import document_of
from ragbot.index.labels import GIVEN, Labels, tags_of
from ragbot.showing.html import file_name, note_html
from ragbot.showing.sources import source_html, source_view

#: Puts the reader where the document begins, and where they were when they come back.
_TO_TOP = """() => {
  document.querySelector("#rb-document-head")?.scrollIntoView({block: "start"});
  document.querySelector("#rb-back")?.focus();
}"""
_TO_LIST = '() => document.querySelector("#rb-documents")?.scrollIntoView({block: "nearest"})'


@dataclass(frozen=True, slots=True)
class Opened:
    """The components; ``shown`` holds the id of the document and where its window begins."""

    frame: Frame
    panel: gr.Column
    back: gr.Button
    head: gr.HTML
    chunks: gr.Checkbox
    text: gr.HTML
    change: gr.Column
    tags: gr.Textbox
    save: gr.Button
    again: gr.Button
    delete: gr.Button
    asking: gr.Column
    question: gr.HTML
    yes: gr.Button
    no: gr.Button
    shown: gr.State

    @property
    def shows(self) -> list[Any]:
        """What :meth:`standing` fills."""
        return [self.panel, self.head, self.text, self.change, self.tags, self.asking, self.shown]

    def standing(
        self, bot: RagBot, visitor: Visitor, document_id: int, chunks: bool, at: int | None = None
    ) -> dict[Any, Any]:
        """A document, from ``at`` on. Raises SourceError: it is gone."""
        where = visitor.where()
        document = document_of(bot.kb.catalog, document_id, where)
        view = source_view(bot, document_id, chunks=chunks, at=at, where=where, image=not chunks)
        return {
            self.panel: gr.update(visible=True),
            self.head: document_head(document, len(bot.kb.catalog.chunks_of(document)), visitor.language),
            self.text: source_html(view, visitor.language),
            self.change: gr.update(visible=visitor.may("write")),
            self.tags: ", ".join(tags_of({GIVEN: document.metadata.get(GIVEN, "")})),
            self.asking: gr.update(visible=False),
            self.shown: (document_id, at),
        }


def lay_out(frame: Frame) -> Opened:
    """The components, which are seen once a document is opened."""
    with gr.Column(visible=False, elem_id="rb-document") as panel:
        with gr.Row(elem_classes="rb-strip"):
            back = gr.Button(label("knowledge_back"), scale=0, min_width=160, elem_id="rb-back")
            chunks = gr.Checkbox(
                value=False, label=label("knowledge_chunks"), container=False, scale=0, min_width=200,
                elem_id="rb-chunks",
            )  # fmt: skip
        head = gr.HTML(elem_id="rb-document-head", label=label("knowledge_document"))
        with gr.Column(elem_id="rb-document-change") as change:
            with gr.Row(elem_classes="rb-fields"):
                tags = gr.Textbox(
                    value="",
                    label=label("knowledge_its_tags"), placeholder=label("knowledge_tags_hint"), max_length=2_000,
                    scale=2, min_width=200, elem_id="rb-its-tags",
                )  # fmt: skip
                save = gr.Button(label("knowledge_save_tags"), scale=0, min_width=120, elem_id="rb-save-tags")
                again = gr.Button(label("knowledge_again"), scale=0, min_width=120, elem_id="rb-again")
                delete = gr.Button(
                    label("knowledge_delete"), variant="stop", scale=0, min_width=120, elem_id="rb-delete"
                )
            with gr.Column(visible=False, elem_id="rb-delete-asking", elem_classes="rb-asking") as asking:
                question = gr.HTML(padding=True, label=label("knowledge_delete"))
                with gr.Row():
                    no = gr.Button(label("cancel"), elem_id="rb-delete-no")
                    yes = gr.Button(label("knowledge_delete_yes"), variant="stop", elem_id="rb-delete-yes")
        text = clicks.clickable("pick", elem_id="rb-document-text", label=label("knowledge_document"))
    return Opened(
        frame, panel, back, head, chunks, text, change, tags, save, again, delete, asking, question, yes, no,
        gr.State((0, None)),
    )  # fmt: skip


def connect(opened: Opened, listing: Listing, intake: Intake, overview: gr.Column) -> None:
    """Let the components act; ``overview`` is what is seen while no document is open."""
    frame = opened.frame
    place = [opened.shown, opened.chunks, frame.kb]

    def show(chunks: bool, kb: str, request: gr.Request, event: gr.EventData) -> dict[Any, Any]:
        with at_work(frame, request, kb) as (visitor, bot):
            standing = opened.standing(bot, visitor, clicks.number(event, "document"), chunks)
            return {**standing, overview: gr.update(visible=False)}

    def turn(shown: tuple[int, int | None], chunks: bool, kb: str, request: gr.Request, event: gr.EventData) -> Any:
        at = clicks.number(event, "at")
        if at < 0:
            return {opened.shown: gr.skip()}
        with at_work(frame, request, kb) as (visitor, bot):
            return opened.standing(bot, visitor, shown[0], chunks, at)

    def redraw(shown: tuple[int, int | None], chunks: bool, kb: str, request: gr.Request) -> dict[Any, Any]:
        with at_work(frame, request, kb) as (visitor, bot):
            return opened.standing(bot, visitor, shown[0], chunks, shown[1])

    def close(wanted: Wanted, kb: str, request: gr.Request) -> dict[Any, Any]:
        with at_work(frame, request, kb) as (visitor, bot):
            return closed(bot, visitor, wanted)

    def closed(bot: RagBot, visitor: Visitor, wanted: Wanted) -> dict[Any, Any]:
        return {
            **listing.standing(bot, visitor, wanted),
            opened.panel: gr.update(visible=False),
            overview: gr.update(visible=True),
        }

    def save(
        shown: tuple[int, int | None], chunks: bool, kb: str, tags: str, changes: int, request: gr.Request
    ) -> dict[Any, Any]:
        with at_work(frame, request, kb, "write") as (visitor, bot):
            where = visitor.where()
            document = document_of(bot.kb.catalog, shown[0], where)
            bot.set_labels(document.source, Labels(tags=written_tags(tags)), where)
            gr.Info(say(visitor.language, "knowledge_saved"), title="", duration=3)
            return {**opened.standing(bot, visitor, shown[0], chunks, shown[1]), frame.changed: changes + 1}

    def again(shown: tuple[int, int | None], wanted: Wanted, kb: str, request: gr.Request) -> dict[Any, Any]:
        with at_work(frame, request, kb, "write") as (visitor, bot):
            document = document_of(bot.kb.catalog, shown[0], visitor.where())
            submit_again(bot, intake.jobs, document.source, asker_of(visitor))
            intake.runner.wake()
            return {**intake.standing(bot, visitor), **closed(bot, visitor, wanted)}

    def ask(shown: tuple[int, int | None], kb: str, request: gr.Request) -> dict[Any, Any]:
        with at_work(frame, request, kb, "write") as (visitor, bot):
            document = document_of(bot.kb.catalog, shown[0], visitor.where())
            title = document.title or file_name(document.source)
            question = note_html(say(visitor.language, "knowledge_delete_question", title=title))
            return {opened.question: question, opened.asking: gr.update(visible=True)}

    def remove(
        shown: tuple[int, int | None], wanted: Wanted, kb: str, changes: int, request: gr.Request
    ) -> dict[Any, Any]:
        with at_work(frame, request, kb, "write") as (visitor, bot):
            document = document_of(bot.kb.catalog, shown[0], visitor.where())
            bot.remove(document.source)
            title = document.title or file_name(document.source)
            gr.Info(say(visitor.language, "knowledge_deleted", title=title), title="", duration=5)
            return {**closed(bot, visitor, wanted), frame.changed: changes + 1}

    leaving = [*listing.shows, opened.panel, overview]
    listing.table.pick(show, [opened.chunks, frame.kb], [*opened.shows, overview], **QUIET).success(
        None, None, None, js=_TO_TOP, **QUIET
    )
    opened.text.pick(turn, place, opened.shows, **QUIET)
    opened.chunks.input(redraw, place, opened.shows, **QUIET)
    opened.back.click(close, [listing.wanted, frame.kb], leaving, **QUIET).then(None, None, None, js=_TO_LIST, **QUIET)
    gr.on(
        [opened.save.click, opened.tags.submit], save, [*place, opened.tags, frame.changed],
        [*opened.shows, frame.changed], **QUIET,
    )  # fmt: skip
    opened.again.click(again, [opened.shown, listing.wanted, frame.kb], [*leaving, *intake.shows], **QUIET)
    opened.delete.click(ask, [opened.shown, frame.kb], [opened.question, opened.asking], **QUIET)
    opened.no.click(lambda: gr.update(visible=False), None, [opened.asking], queue=False, **QUIET)
    opened.yes.click(
        remove, [opened.shown, listing.wanted, frame.kb, frame.changed], [*leaving, frame.changed], **QUIET
    )

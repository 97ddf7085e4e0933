"""The knowledge bases themselves: listed, made, and deleted once their name was typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from apps.gradio_ui.frame import QUIET, Frame, Refresh
from apps.gradio_ui.knowledge_html import bases_html
from apps.gradio_ui.site import Visitor
from apps.gradio_ui.text import label, say
from apps.gradio_ui.visiting import visit
from ragbot.bot import store_options
from ragbot.errors import RagbotError, UserError
from ragbot.index.access import counts
from ragbot.index.catalog import Catalog
from ragbot.index.deletion import delete_knowledge_base
from ragbot.settings import CATALOG
from ragbot.showing.html import note_html
from ragbot.workspace.jobs import Jobs


@dataclass(frozen=True, slots=True)
class Bases:
    """The components."""

    frame: Frame
    table: gr.HTML
    change: gr.Column
    name: gr.Textbox
    make: gr.Button
    about: gr.HTML
    typed: gr.Textbox
    delete: gr.Button

    @property
    def shows(self) -> list[Any]:
        """What :meth:`standing` fills."""
        return [self.table, self.change, self.about, self.typed]

    def standing(self, visitor: Visitor, kb: str) -> dict[Any, Any]:
        """The knowledge bases that a visitor may use."""
        about = say(visitor.language, "knowledge_base_delete_hint", name=kb)
        return {
            self.table: bases_html([_row(visitor, name) for name in visitor.knowledge_bases()], kb, visitor.language),
            self.change: gr.update(visible=visitor.may("admin")),
            self.about: note_html(about),
            self.typed: "",
        }


def lay_out(frame: Frame) -> Bases:
    """The components."""
    with gr.Accordion(label("knowledge_bases"), open=False, elem_id="rb-bases"):
        table = gr.HTML(label=label("knowledge_bases"), elem_id="rb-bases-table")
        with gr.Column() as change:
            with gr.Row(elem_classes="rb-fields"):
                name = gr.Textbox(
                    value="",
                    label=label("knowledge_base_new"), placeholder=label("knowledge_base_new_hint"), max_length=64,
                    scale=1, min_width=200, elem_id="rb-base-name",
                )  # fmt: skip
                make = gr.Button(
                    label("knowledge_base_make"), variant="primary", scale=0, min_width=120, elem_id="rb-base-make"
                )
            about = gr.HTML(label=label("knowledge_base_delete"), elem_id="rb-base-about")
            with gr.Row(elem_classes="rb-fields"):
                typed = gr.Textbox(
                    value="",
                    label=label("knowledge_base_typed"),
                    max_length=64,
                    scale=1,
                    min_width=200,
                    elem_id="rb-base-typed",
                )
                delete = gr.Button(
                    label("knowledge_base_delete"), variant="stop", scale=0, min_width=120, elem_id="rb-base-delete"
                )
    return Bases(frame, table, change, name, make, about, typed, delete)


def connect(bases: Bases, refresh: Refresh) -> None:
    """Let the components act; ``refresh`` fills the tab for the knowledge base that is chosen then."""
    frame = bases.frame

    def make(name: str, changes: int, request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            mine = visitor.principal.knowledge_bases
            if not visitor.may("admin") or (mine is not None and name not in mine):
                raise UserError(say(visitor.language, "knowledge_base_not_yours"))
            made = frame.site.bots.create(name.strip()).name
            gr.Info(say(visitor.language, "knowledge_base_made", name=made), title="", duration=5)
            return {bases.name: "", **_chosen(visitor, made), frame.changed: changes + 1}

    def delete(typed: str, kb: str, changes: int, request: gr.Request) -> dict[Any, Any]:
        with visit(frame, request) as visitor:
            kb = visitor.chosen(kb)
            if not visitor.may("admin") or visitor.principal.groups is not None:
                raise UserError(say(visitor.language, "knowledge_base_not_yours"))
            if typed.strip() != kb:
                raise UserError(say(visitor.language, "knowledge_base_mistyped", name=kb))
            deleted(frame, kb)
            gr.Info(say(visitor.language, "knowledge_base_deleted", name=kb), title="", duration=5)
            return {bases.typed: "", **_chosen(visitor, None), frame.changed: changes + 1}

    def _chosen(visitor: Visitor, name: str | None) -> dict[Any, Any]:
        names = visitor.knowledge_bases()
        if not names:  # the last one is gone: a page needs one to show
            frame.site.bots.create(frame.site.bots.default)
            names = visitor.knowledge_bases()
        return {frame.kb: gr.update(choices=names, value=visitor.chosen(name), visible=True)}

    refresh(
        gr.on(
            [bases.make.click, bases.name.submit],
            make,
            [bases.name, frame.changed],
            [bases.name, frame.kb, frame.changed],
            **QUIET,
        ).success
    )
    refresh(
        gr.on(
            [bases.delete.click, bases.typed.submit],
            delete,
            [bases.typed, frame.kb, frame.changed],
            [bases.typed, frame.kb, frame.changed],
            **QUIET,
        ).success
    )


def deleted(frame: Frame, name: str) -> None:
    """Delete a knowledge base with its jobs.

    Raises:
        UserError: it is not one of the data folder's, or documents are being brought in.
        LockedError: another process is writing to it.
    """
    bots, jobs = frame.site.bots, Jobs(frame.site.workspace)
    folder = bots.folder(name)
    if folder.parent != bots.home:
        raise UserError(f"{folder} lies outside of the data folder: delete the folder yourself")
    if any(job.state == "running" for job in jobs.all(folder)):
        raise UserError("documents are being brought in: cancel that job first")
    bots.forget(name)
    delete_knowledge_base(bots.home, folder.name, store_options(frame.site.settings))
    bots.forget(name)  # somebody else may have opened it meanwhile
    jobs.delete_all(folder)


def _row(visitor: Visitor, name: str) -> tuple[str, int | None, int | None]:
    try:
        catalog = Catalog(visitor.site.bots.folder(name) / CATALOG, create=False)
        try:
            found = counts(catalog, visitor.where())
        finally:
            catalog.close()
    except RagbotError:  # one that is damaged must not hide the others
        return name, None, None
    return name, found["documents"], found["chunks"]

"""The conversations beside the chat: a new one, the list, a search, and what is done with the one that is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from apps.gradio_ui import chat_view as view
from apps.gradio_ui import clicks
from apps.gradio_ui.frame import QUIET, Frame
from apps.gradio_ui.site import Visitor
from apps.gradio_ui.text import label, language_of, say
from apps.gradio_ui.visiting import at_work
from ragbot.bot import RagBot
from ragbot.showing.conversations import matches_html
from ragbot.showing.html import note_html
from ragbot.workspace.feedback import FeedbackStore
from ragbot.workspace.searching import search

Update = dict[Any, Any]
#: On a narrow page the list covers the chat until something is chosen.
TOGGLE = """() => {
  const button = document.querySelector("#rb-open-side"), page = document.querySelector("#rb-chat-page");
  button?.setAttribute("aria-expanded", page.classList.toggle("rb-side-open"));
}"""
CLOSE = """() => {
  document.querySelector("#rb-chat-page")?.classList.remove("rb-side-open");
  document.querySelector("#rb-open-side")?.setAttribute("aria-expanded", false);
}"""


@dataclass(frozen=True, slots=True)
class Side:
    """The components of the column."""

    new: gr.Button
    find: gr.Textbox
    list: gr.HTML
    files: gr.HTML
    more: gr.Accordion
    title: gr.Textbox
    rename: gr.Button
    delete: gr.Button
    confirm: gr.Group
    question: gr.HTML
    yes: gr.Button
    no: gr.Button

    @property
    def outputs(self) -> list[Any]:
        """What :meth:`view` updates."""
        return [self.list, self.files, self.more, self.title, self.confirm]

    def view(self, visitor: Visitor, bot: RagBot, kb: str, identity: str) -> Update:
        """Updates for the conversation that is open now; an empty ``identity`` is a new one."""
        infos = visitor.listed(bot)
        info = next((one for one in infos if one.id == identity), None)
        rated = FeedbackStore(visitor.workspace).count() > 0
        return {
            self.list: view.list_html(infos, identity, visitor.language),
            self.files: view.files_html(info, kb, rated, visitor.language),
            self.more: gr.update(visible=info is not None),
            self.title: info.title if info else "",
            self.confirm: gr.update(visible=False),
        }


def lay_out() -> Side:
    """Lay the column out; :func:`wire` gives it life."""
    with gr.Row(elem_classes="rb-row"):
        new = gr.Button(label("new_conversation"), elem_id="rb-new", size="sm")
    find = gr.Textbox(
        value="",
        label=label("find_conversation"),
        placeholder=label("find_conversation"),
        show_label=False,
        container=False,
        max_length=200,
        elem_id="rb-find-conversation",
    )
    listed = clicks.clickable("pick", value="", label=label("conversations"), elem_id="rb-conversations")
    with gr.Accordion(label=label("this_conversation"), open=False, visible=False, elem_id="rb-this") as more:
        title = gr.Textbox(label=label("title"), max_length=200, elem_id="rb-title")
        with gr.Row(elem_classes="rb-row"):
            rename = gr.Button(label("rename"), size="sm", elem_id="rb-rename")
            delete = gr.Button(label("delete"), size="sm", variant="stop", elem_id="rb-delete")
        with gr.Group(visible=False, elem_id="rb-delete-confirm") as confirm:
            question = gr.HTML(value="", label=label("delete"), padding=True)
            with gr.Row():
                no = gr.Button(label("cancel"), size="sm", min_width=80, elem_id="rb-delete-no")
                yes = gr.Button(label("delete_yes"), size="sm", min_width=80, variant="stop", elem_id="rb-delete-yes")
    files = gr.HTML(value="", label=label("downloads"), elem_id="rb-files", apply_default_css=False)
    return Side(new, find, listed, files, more, title, rename, delete, confirm, question, yes, no)


def wire(
    side: Side,
    frame: Frame,
    conversation: gr.Textbox,
    show: Callable[[Visitor, RagBot, str, str], Update],
    outputs: list[Any],
) -> None:
    """Let the column work.

    Args:
        conversation: the id of the one that is open.
        show: updates that show another one, by the name of the knowledge base and the id; ``outputs`` are theirs.
    """

    def pick(kb: str, event: gr.EventData, request: gr.Request) -> Update:
        with at_work(frame, request, kb) as (visitor, bot):
            return show(visitor, bot, kb, clicks.text(event, "conversation"))

    def new(kb: str, request: gr.Request) -> Update:
        with at_work(frame, request, kb) as (visitor, bot):
            return show(visitor, bot, kb, "")

    def find(kb: str, query: str, identity: str, request: gr.Request) -> str:
        with at_work(frame, request, kb) as (visitor, bot):
            if not query.strip():
                return view.list_html(visitor.listed(bot), identity, visitor.language)
            found = search(visitor.conversations(bot), query, str(bot.kb.folder))
            return matches_html(found, query, visitor.language)

    def rename(kb: str, title: str, identity: str, request: gr.Request) -> Update:
        with at_work(frame, request, kb) as (visitor, bot):
            if visitor.found(bot, identity):
                visitor.conversations(bot).rename(identity, title)
            return side.view(visitor, bot, kb, identity)

    def ask(title: str, request: gr.Request) -> Update:
        language = language_of(request, frame.site.settings.language)
        question = say(language, "delete_question", title=title)
        return {side.question: note_html(question), side.confirm: gr.update(visible=True)}

    def delete(kb: str, identity: str, request: gr.Request) -> Update:
        with at_work(frame, request, kb) as (visitor, bot):
            if visitor.found(bot, identity):
                visitor.conversations(bot).delete([identity])
            return show(visitor, bot, kb, "")

    side.list.pick(pick, [frame.kb], outputs, **QUIET).then(None, None, None, js=CLOSE)
    side.new.click(new, [frame.kb], outputs, **QUIET).then(None, None, None, js=CLOSE)
    looked = [frame.kb, side.find, conversation]
    gr.on([side.find.change, side.find.submit], find, looked, [side.list], trigger_mode="multiple", **QUIET)
    gr.on([side.rename.click, side.title.submit], rename, [frame.kb, side.title, conversation], side.outputs, **QUIET)
    side.delete.click(ask, [side.title], [side.question, side.confirm], **QUIET)
    side.no.click(lambda: gr.update(visible=False), None, [side.confirm], queue=False, **QUIET)
    side.yes.click(delete, [frame.kb, conversation], outputs, **QUIET)

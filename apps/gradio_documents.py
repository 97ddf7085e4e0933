"""The documents tab: drop files, see what became of them, list and remove documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from apps import gradio_html as html
from apps import gradio_uploads as uploads
from apps.gradio_errors import shown, words
from apps.gradio_text import label, language_of, say
from ingest.origins import archive_of
from ragbot.bot import RagBot

if TYPE_CHECKING:
    from ingest.pipeline import Progress


def build(bot: RagBot, blocks: gr.Blocks, tab: gr.Tab, refresh_chat: Callable[..., Any]) -> None:
    """Lay the tab out.

    Args:
        refresh_chat: called with an event, so that the chat notices that there are documents now, or none.
    """
    files = gr.File(label=label("upload"), file_count="multiple", height=130, elem_id="rb-upload")
    report = gr.HTML(label=label("report"), elem_id="rb-report")
    table = gr.HTML(label=label("documents"), elem_id="rb-documents")
    with gr.Row(elem_classes="rb-row"):
        choice = gr.Dropdown(label=label("choose"), choices=[], value=None, scale=1, elem_id="rb-choose")
        remove = gr.Button(label("remove"), variant="stop", scale=0, elem_id="rb-remove")
        refresh = gr.Button(label("refresh"), scale=0, elem_id="rb-refresh")
    with gr.Group(visible=False, elem_id="rb-confirm") as confirm:
        question = gr.HTML(label=label("remove"), padding=True)
        with gr.Row():
            no = gr.Button(label("cancel"), elem_id="rb-no")
            yes = gr.Button(label("confirm_yes"), variant="stop", elem_id="rb-yes")

    def listing(language: str) -> dict[Any, Any]:
        documents = bot.documents()
        named = [(_title(document.title, document.source), document.source) for document in documents]
        return {
            table: html.table(documents, bot.kb.catalog.counts()["chunks"], language),
            choice: gr.update(choices=named, value=None),
            confirm: gr.update(visible=False),
        }

    def reload(request: gr.Request) -> dict[Any, Any]:
        language = language_of(request)
        with shown(language):
            return listing(language)

    def add(sent: Sequence[str] | None, request: gr.Request, progress: gr.Progress = gr.Progress()) -> dict[Any, Any]:  # noqa: B008
        language = language_of(request)
        kept = uploads.Kept()

        def tell(at: Progress) -> None:
            sentence = say(language, "ingesting", name=html.name(at.current))
            progress((at.files, at.total_files), desc=sentence)

        try:
            progress(0, desc=say(language, "waiting"))
            kept = uploads.keep(bot.kb.folder, sent or [])
            result = html.report(bot.ingest(*kept.paths, progress=tell), language)
        except Exception as error:  # noqa: BLE001  # told on the page, where it stays, and kept in the log
            result = html.failure(*words(error, language))
        uploads.discard(kept.new, {archive_of(document.source) for document in bot.documents()})
        return {files: None, report: result, **listing(language)}

    def ask(source: str | None, request: gr.Request) -> dict[Any, Any]:
        language = language_of(request)
        if not source:
            gr.Warning(say(language, "choose_first"), title="")
            return {confirm: gr.update(visible=False)}
        sentence = say(language, "confirm", title=html.name(source))
        return {question: html.note(sentence), confirm: gr.update(visible=True)}

    def take_out(source: str | None, request: gr.Request) -> dict[Any, Any]:
        language = language_of(request)
        with shown(language):
            gone = bot.remove(source or "")
            message = say(language, "removed" if gone else "already_gone", title=html.name(source or ""))
            return {report: html.note(message), **listing(language)}

    def hint(request: gr.Request) -> str:
        return html.note(say(language_of(request), "nothing_yet"))

    shows = [table, choice, confirm]
    private: dict[str, Any] = {"api_visibility": "private"}
    added = files.upload(add, [files], [files, report, *shows], show_progress_on=[report], **private)
    remove.click(ask, [choice], [question, confirm], **private)
    no.click(lambda: gr.update(visible=False), None, [confirm], queue=False, **private)
    removed = yes.click(take_out, [choice], [report, *shows], **private)
    gr.on([blocks.load, tab.select, refresh.click], reload, None, shows, show_progress="hidden", **private)
    blocks.load(hint, None, [report], show_progress="hidden", **private)
    refresh_chat(added.then)
    refresh_chat(removed.then)


def _title(title: str, source: str) -> str:
    name = html.name(source)
    return f"{title} · {name}" if title and title != name else name

"""The search tab: what the retriever finds, why, and where it stands; below, what the documents are about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from apps.gradio_ui import clicks, filters, search_topics, source_panel
from apps.gradio_ui.frame import QUIET, Frame, Refresh
from apps.gradio_ui.text import label, language_of, say
from apps.gradio_ui.visiting import at_work
from ragbot.documents import ScoredChunk
from ragbot.errors import UserError
from ragbot.showing.hits import hits_html
from ragbot.showing.html import note_html

Update = dict[Any, Any]


def build(frame: Frame, tab: gr.Tab) -> Refresh:
    """Lay the tab out; returns what fills it."""
    found, about = gr.State(()), gr.State("")
    with gr.Row(elem_classes="rb-columns"):
        with gr.Column(elem_classes="rb-main", min_width=0):
            with gr.Row(elem_id="rb-find", elem_classes="rb-row"):
                box = gr.Textbox(
                    value="",
                    label=label("query"),
                    placeholder=label("query_hint"),
                    max_length=4000,
                    scale=1,
                    elem_id="rb-query",
                )
                button = gr.Button(label("search"), variant="primary", scale=0, min_width=80, elem_id="rb-search")
            with gr.Accordion(label=label("search_settings"), open=False, elem_id="rb-search-settings"):
                top_k = gr.Slider(1, 50, value=10, step=1, label=label("top_k"), elem_id="rb-search-top-k")
                fields = filters.build("search")
            topics = search_topics.build(frame)
            hits = clicks.clickable("open", value="", label=label("tab_search"), elem_id="rb-found")
        with gr.Column(elem_classes="rb-beside", min_width=0):
            panel = source_panel.build(frame, "search")

    def search(request: gr.Request, query: str, kb: str, count: int, *values: Any) -> Update:
        language = language_of(request, frame.site.settings.language)
        if not query.strip():
            return {hits: note_html(say(language, "search_first")), found: (), **panel.shut()}
        with at_work(frame, request, kb) as (visitor, bot):
            wanted = visitor.where(fields.read(values))
            explanation = bot.explain(query.strip(), min(max(int(count), 1), 50), wanted)
            seen = tuple(item.hit for item in explanation.hits)
            return {hits: hits_html(seen, explanation, language), found: seen, **panel.shut()}

    def open_hit(kb: str, seen: tuple[ScoredChunk, ...], event: gr.EventData, request: gr.Request) -> Update:
        with at_work(frame, request, kb) as (visitor, bot):
            number = clicks.number(event, "hit")
            if not 0 <= number < len(seen):
                raise UserError("this passage is not among the hits any more: search again")
            return panel.at(visitor, bot, seen[number])

    def greet(kb: str, before: str, request: gr.Request) -> Update:
        with at_work(frame, request, kb) as (visitor, bot):
            choices = fields.choices(bot, visitor.where())
            if kb == before:  # what was found stays while other tabs are looked at
                return choices
            first = note_html(say(visitor.language, "search_first"))
            return {**choices, **topics.shut(), **panel.shut(), hits: first, found: (), about: kb}

    outputs = [hits, found, *panel.outputs]
    gr.on([box.submit, button.click], search, [box, frame.kb, top_k, *fields.inputs], outputs, api_visibility="private")
    hits.open(open_hit, [frame.kb, found], panel.outputs, **QUIET)

    def refresh(trigger: Callable[..., Any]) -> Any:
        return trigger(greet, [frame.kb, about], [*fields.inputs, *topics.outputs, *outputs, about], **QUIET)

    return refresh

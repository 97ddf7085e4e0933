"""The search tab: what the retriever finds, with scores and places."""

from __future__ import annotations

import gradio as gr

from apps import gradio_html as html
from apps.gradio_errors import shown
from apps.gradio_text import label, language_of, say
from ragbot.bot import RagBot


def build(bot: RagBot, blocks: gr.Blocks) -> None:
    """Lay the tab out."""
    with gr.Row(elem_id="rb-find", elem_classes="rb-row"):
        box = gr.Textbox(
            value="",
            label=label("query"),
            placeholder=label("query_hint"),
            max_length=4000,
            scale=1,
            elem_id="rb-query",
        )
        button = gr.Button(label("search"), variant="primary", scale=0, elem_id="rb-search")
    found = gr.HTML(label=label("tab_search"), elem_id="rb-found")

    def search(query: str, request: gr.Request) -> str:
        language = language_of(request)
        if not query.strip():
            return html.note(say(language, "search_first"))
        with shown(language):
            return html.hits(bot.search(query), language)

    gr.on([box.submit, button.click, blocks.load], search, [box], [found], api_visibility="private")

"""The knowledge tab: documents brought in, listed and looked into, in several knowledge bases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from apps.gradio_ui import knowledge_bases, knowledge_document, knowledge_intake, knowledge_listing
from apps.gradio_ui.frame import QUIET, Frame, Refresh
from apps.gradio_ui.knowledge_listing import Wanted
from apps.gradio_ui.visiting import at_work


def build(frame: Frame, tab: gr.Tab) -> Refresh:
    """Lay the tab out; returns what fills it."""
    with gr.Column(elem_id="rb-overview") as overview:
        intake = knowledge_intake.lay_out(frame)
        listing = knowledge_listing.lay_out(frame)
        bases = knowledge_bases.lay_out(frame)
    opened = knowledge_document.lay_out(frame)

    def fill(kb: str, wanted: Wanted, request: gr.Request) -> dict[Any, Any]:
        with at_work(frame, request, kb) as (visitor, bot):
            shown = {**intake.standing(bot, visitor), **listing.standing(bot, visitor, wanted)}
            shown |= bases.standing(visitor, visitor.chosen(kb))
            if wanted.folder != str(bot.kb.folder):  # a document of another knowledge base may be open
                shown |= {opened.panel: gr.update(visible=False), overview: gr.update(visible=True)}
            return shown

    def refresh(trigger: Callable[..., Any]) -> Any:
        outputs = [*intake.shows, *listing.shows, *bases.shows, opened.panel, overview]
        return trigger(fill, [frame.kb, listing.wanted], outputs, **QUIET)

    knowledge_intake.connect(intake, listing)
    knowledge_listing.connect(listing)
    knowledge_document.connect(opened, listing, intake, overview)
    knowledge_bases.connect(bases, refresh)
    return refresh

"""The source beside an answer or a hit: the document at the passage, which is marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from apps.gradio_ui import clicks
from apps.gradio_ui.frame import QUIET, Frame
from apps.gradio_ui.site import Visitor
from apps.gradio_ui.text import label, say
from apps.gradio_ui.visiting import at_work
from ragbot.bot import RagBot
from ragbot.documents import Chunk, Citation, ScoredChunk
from ragbot.showing.html import safe
from ragbot.showing.sources import source_html, source_view

#: What can be opened: a citation, a hit, a chunk, or a document by its number.
Place = Citation | ScoredChunk | Chunk | int
#: The passage comes into view, and the keyboard with it; Escape closes the panel and leads back to where one was.
_ARRIVE = """
let before = null;
document.addEventListener("click", event => {
  if (!element.contains(event.target)) before = event.target.closest("button");
}, true);
element.addEventListener("keydown", event => {
  if (event.key === "Escape") element.querySelector("[data-act=shut]")?.click();
});
watch("value", () => {
  const panel = element.querySelector(".rb-panel");
  if (!panel) { before?.isConnected && before.focus(); return; }
  panel.focus({preventScroll: true});
  if (innerWidth <= 900) panel.scrollIntoView({block: "start"});
  const found = panel.querySelector("#rb-focus-page") || panel.querySelector("#rb-focus");
  if (!found) return;
  const inside = panel.querySelector(".rb-panel-body");
  inside.scrollTop += found.getBoundingClientRect().top - inside.getBoundingClientRect().top - inside.clientHeight / 3;
});
"""


@dataclass(frozen=True, slots=True)
class SourcePanel:
    """The panel; ``outputs`` of a handler that opens something are ``panel.outputs``, its value is :meth:`at`."""

    html: gr.HTML
    place: gr.State

    @property
    def outputs(self) -> list[Any]:
        """The components that :meth:`at` and :meth:`shut` update."""
        return [self.html, self.place]

    def at(self, visitor: Visitor, bot: RagBot, place: Place, at: int | None = None) -> dict[Any, Any]:
        """Updates that show a place.

        Args:
            at: where the window begins instead, in code points of the document.

        Raises:
            SourceError: there is no such document that the visitor may see.
        """
        view = source_view(bot, place, at=at, where=visitor.where())
        language = visitor.language
        title, close = safe(say(language, "source_panel"), " "), safe(say(language, "close"), " ")
        head = (
            f'<div class="rb-panel-head"><h2>{title}</h2><button type="button" data-act="shut">{close}</button></div>'
        )
        body = f'<div class="rb-panel-body" tabindex="0">{source_html(view, language)}</div>'
        shown_html = f'<section class="rb-panel" tabindex="-1" aria-label="{title}">{head}{body}</section>'
        return {self.html: shown_html, self.place: place}

    def shut(self) -> dict[Any, Any]:
        """Updates that close it."""
        return {self.html: "", self.place: None}


def build(frame: Frame, name: str) -> SourcePanel:
    """Lay the panel out; ``name`` tells that of one tab from another's."""
    html = clicks.clickable("leaf", _ARRIVE, value="", label=label("source_panel"), elem_id=f"rb-{name}-source-panel")
    panel = SourcePanel(html, gr.State(None))

    def leaf(kb: str, place: Place | None, event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
        with at_work(frame, request, kb) as (visitor, bot):
            document = clicks.number(event, "document")
            return panel.at(visitor, bot, document if place is None else place, clicks.number(event, "at", 0))

    html.leaf(leaf, [frame.kb, panel.place], panel.outputs, **QUIET)
    html.shut(panel.shut, None, panel.outputs, queue=False, **QUIET)
    return panel

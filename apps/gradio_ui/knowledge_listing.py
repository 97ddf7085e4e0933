"""The documents of a knowledge base: filtered, page by page, each opened by its title."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from apps.gradio_ui import clicks
from apps.gradio_ui.frame import QUIET, Frame
from apps.gradio_ui.site import Visitor
from apps.gradio_ui.text import label, say
from apps.gradio_ui.visiting import at_work
from ragbot.bot import RagBot
from ragbot.index.access import counts
from ragbot.index.filters import Filter
from ragbot.showing.documents import documents_html
from ragbot.showing.html import note_html

#: Documents on a page.
PAGE = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a visitor wants to see of the list of the knowledge base in ``folder``."""

    folder: str = ""
    contains: str = ""
    types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    offset: int = 0

    @property
    def filtered(self) -> bool:
        """Whether some are left out."""
        return replace(self, offset=0) != Wanted(self.folder)


@dataclass(frozen=True, slots=True)
class Listing:
    """The components; ``wanted`` is a :class:`Wanted`."""

    frame: Frame
    contains: gr.Textbox
    types: gr.Dropdown
    languages: gr.Dropdown
    tags: gr.Dropdown
    filters: gr.Row
    table: gr.HTML
    pager: gr.Row
    before: gr.Button
    after: gr.Button
    wanted: gr.State

    @property
    def shows(self) -> list[Any]:
        """What :meth:`standing` fills."""
        return [
            self.contains, self.types, self.languages, self.tags, self.filters, self.table, self.pager, self.before, self.after,
            self.wanted,
        ]  # fmt: skip

    def standing(self, bot: RagBot, visitor: Visitor, wanted: Wanted | None = None) -> dict[Any, Any]:
        """The list as it is now, with what it can be filtered by."""
        seen, folder = visitor.where(), str(bot.kb.folder)
        if wanted is None or wanted.folder != folder:  # the page was just opened, or another knowledge base was chosen
            shown = self.standing(bot, visitor, Wanted(folder))
            return {**shown, self.contains: ""} if wanted is not None and wanted.folder else shown
        kinds = bot.facets(seen)
        chosen = replace(seen, types=wanted.types, languages=wanted.languages, tags=wanted.tags)
        total, found = bot.documents_page(chosen, wanted.contains, wanted.offset, PAGE)
        if not found and wanted.offset:  # the last page has been emptied
            wanted = replace(wanted, offset=max((total - 1) // PAGE, 0) * PAGE)
            total, found = bot.documents_page(chosen, wanted.contains, wanted.offset, PAGE)
        return {
            self.types: _choices(kinds.types, wanted.types),
            self.languages: _choices(kinds.languages, wanted.languages),
            self.tags: _choices(kinds.tags, wanted.tags),
            self.filters: gr.update(visible=kinds.documents > 1 or wanted.filtered),
            self.table: self._table(bot, visitor, wanted, total, found, seen),
            self.pager: gr.update(visible=total > PAGE),
            self.before: gr.update(interactive=wanted.offset > 0),
            self.after: gr.update(interactive=wanted.offset + PAGE < total),
            self.wanted: wanted,
        }

    def _table(self, bot: RagBot, visitor: Visitor, wanted: Wanted, total: int, found: list[Any], seen: Filter) -> str:
        if found:
            chunks = None if wanted.filtered else counts(bot.kb.catalog, seen)["chunks"]
            return documents_html(found, visitor.language, total=total, first=wanted.offset, chunks=chunks)
        key = "knowledge_none_fit" if wanted.filtered else "knowledge_empty"
        if key == "knowledge_empty" and not visitor.may("write"):
            key = "knowledge_empty_read"
        return note_html(say(visitor.language, key))


def lay_out(frame: Frame) -> Listing:
    """The components."""
    with gr.Row(elem_classes="rb-fields", visible=False, elem_id="rb-filters") as filters:
        contains = gr.Textbox(
            value="",
            label=label("knowledge_contains"), placeholder=label("knowledge_contains_hint"), max_length=200, scale=2,
            min_width=200, elem_id="rb-contains",
        )  # fmt: skip
        types, languages, tags = (
            gr.Dropdown(
                label=label(f"knowledge_by_{name}"),
                choices=[],
                value=[],
                multiselect=True,
                scale=1,
                min_width=150,
                elem_id=f"rb-by-{name}",
            )
            for name in ("type", "language", "tag")
        )
    table = clicks.clickable("pick", elem_id="rb-documents", label=label("knowledge_documents"))
    with gr.Row(visible=False, elem_id="rb-pager") as pager:
        before = gr.Button(label("knowledge_before"), scale=0, min_width=140, elem_id="rb-page-before")
        after = gr.Button(label("knowledge_after"), scale=0, min_width=140, elem_id="rb-page-after")
    return Listing(frame, contains, types, languages, tags, filters, table, pager, before, after, gr.State(Wanted()))


def connect(listing: Listing) -> None:
    """Let the filters and the pages act."""
    frame = listing.frame

    def choose(
        contains: str, types: list[str], languages: list[str], tags: list[str], kb: str, request: gr.Request
    ) -> dict[Any, Any]:
        with at_work(frame, request, kb) as (visitor, bot):
            wanted = Wanted(
                str(bot.kb.folder),
                (contains or "").strip(),
                tuple(types or ()),
                tuple(languages or ()),
                tuple(tags or ()),
            )
            return listing.standing(bot, visitor, wanted)

    def turn(by: int) -> Callable[..., dict[Any, Any]]:
        def turned(wanted: Wanted, kb: str, request: gr.Request) -> dict[Any, Any]:
            with at_work(frame, request, kb) as (visitor, bot):
                return listing.standing(bot, visitor, replace(wanted, offset=max(wanted.offset + by * PAGE, 0)))

        return turned

    chosen = [listing.contains, listing.types, listing.languages, listing.tags]
    gr.on(
        [listing.contains.change, *(one.input for one in (listing.types, listing.languages, listing.tags))],
        choose, [*chosen, frame.kb], listing.shows, trigger_mode="always_last", **QUIET,
    )  # fmt: skip
    listing.before.click(turn(-1), [listing.wanted, frame.kb], listing.shows, **QUIET)
    listing.after.click(turn(1), [listing.wanted, frame.kb], listing.shows, **QUIET)


def _choices(known: tuple[str, ...], chosen: tuple[str, ...]) -> Any:
    """One value alone tells nothing apart."""
    values = dict.fromkeys((*known, *chosen))
    return gr.update(choices=list(values), value=list(chosen), visible=len(known) > 1 or bool(chosen))

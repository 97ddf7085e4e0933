"""The filters that chat and search share: which documents are meant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import gradio as gr

from apps.gradio_ui.text import label
from ragbot.bot import RagBot
from ragbot.errors import UserError
from ragbot.exploring.facets import source_patterns
from ragbot.index.filters import Filter


@dataclass(frozen=True, slots=True)
class Filters:
    """The fields, as inputs of a handler in this order; :meth:`read` makes a filter of their values."""

    source: gr.Textbox
    types: gr.Dropdown
    languages: gr.Dropdown
    tags: gr.Dropdown
    collections: gr.Dropdown
    since: gr.Textbox
    until: gr.Textbox

    @property
    def inputs(self) -> list[Any]:
        """The components."""
        return [self.source, self.types, self.languages, self.tags, self.collections, self.since, self.until]

    @staticmethod
    def read(values: tuple[Any, ...]) -> Filter:
        """The filter of the values of :attr:`inputs`.

        Raises:
            UserError: a date is none.
        """
        source, types, languages, tags, collections, since, until = values
        return Filter(
            sources=source_patterns(source or ""),
            types=tuple(types or ()),
            languages=tuple(languages or ()),
            tags=tuple(tags or ()),
            collections=tuple(collections or ()),
            since=_day(since),
            until=_day(until),
        )

    def choices(self, bot: RagBot, where: Filter) -> dict[Any, Any]:
        """Updates: what the documents can be told apart by that the asker may see."""
        known = bot.facets(where)
        dated = bool(known.first)
        several = {
            self.types: known.types,
            self.languages: known.languages,
            self.tags: known.tags,
            self.collections: known.collections,
        }
        return {
            **{field: gr.update(choices=list(values), visible=bool(values)) for field, values in several.items()},
            # Both with a line, so that the fields stand side by side.
            self.since: gr.update(visible=dated, info=f"≥ {known.first[:10]}" if dated else None),
            self.until: gr.update(visible=dated, info=f"≤ {known.last[:10]}" if dated else None),
        }


def build(name: str) -> Filters:
    """Lay the fields out; ``name`` tells those of one tab from another's."""

    def several(key: str) -> gr.Dropdown:
        return gr.Dropdown(
            label=label(f"filter_{key}"),
            choices=[],
            value=[],
            multiselect=True,
            allow_custom_value=True,
            visible=False,
            min_width=160,
            elem_id=f"rb-{name}-{key}",
        )

    def day(key: str) -> gr.Textbox:
        return gr.Textbox(
            label=label(f"filter_{key}"),
            placeholder="2026-01-31",
            max_length=10,
            visible=False,
            min_width=140,
            elem_id=f"rb-{name}-{key}",
        )

    with gr.Row(elem_classes="rb-filters"):
        source = gr.Textbox(
            label=label("filter_source"),
            placeholder=label("filter_source_hint"),
            max_length=500,
            min_width=160,
            elem_id=f"rb-{name}-source",
        )
        return Filters(
            source,
            several("types"),
            several("languages"),
            several("tags"),
            several("collections"),
            day("since"),
            day("until"),
        )


def _day(text: str | None) -> str | None:
    if not text or not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise UserError(f"{text.strip()!r} is no day: write it like 2026-01-31") from None

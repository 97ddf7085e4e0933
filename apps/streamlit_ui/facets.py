"""Which documents are meant: the filters that chat and search share."""

from __future__ import annotations

from datetime import date

import streamlit as st

from apps.streamlit_ui.visitor import Visitor
from apps.streamlit_ui.words import plain
from ragbot.bot import RagBot
from ragbot.exploring.facets import Facets, source_patterns
from ragbot.index.access import counts
from ragbot.index.filters import Filter


def known_facets(who: Visitor, bot: RagBot) -> Facets:
    """What the documents can be told apart by that the visitor may see."""
    numbers = counts(bot.kb.catalog, who.where())
    return _facets(bot, str(bot.kb.folder), who.principal.groups, tuple(sorted(numbers.items())))


@st.cache_resource(ttl=60, max_entries=64, show_spinner=False)
def _facets(_bot: RagBot, folder: str, groups: tuple[str, ...] | None, numbers: tuple[tuple[str, int], ...]) -> Facets:
    """The arguments after the first tell whether what was found before still holds."""
    return _bot.facets(Filter(principals=groups))


def filters(who: Visitor, bot: RagBot, name: str) -> Filter:
    """Widgets for the filters; ``name`` tells those of one page from another's."""
    known = known_facets(who, bot)

    def several(key: str, choices: tuple[str, ...]) -> tuple[str, ...]:
        if len(choices) < 2:
            return ()
        held = st.session_state.get(f"{name}_{key}", ())
        if not set(held) <= set(choices):  # of another knowledge base
            st.session_state[f"{name}_{key}"] = [value for value in held if value in choices]
        chosen = st.multiselect(
            who.say(f"filter_{key}"),
            choices,
            key=f"{name}_{key}",
            persist_state="session",
            placeholder=who.say("any"),
            format_func=plain,
        )
        return tuple(chosen)

    types, languages = several("types", known.types), several("languages", known.languages)
    tags, collections = several("tags", known.tags), several("collections", known.collections)
    source = st.text_input(
        who.say("filter_source"),
        key=f"{name}_source",
        persist_state="session",
        placeholder=who.say("filter_source_hint"),
        max_chars=500,
    )
    since, until = _dates(who, name) if known.first else (None, None)
    return Filter(
        sources=source_patterns(source),
        types=types,
        languages=languages,
        tags=tags,
        collections=collections,
        since=since.isoformat() if since else None,
        until=until.isoformat() if until else None,
    )


def _dates(who: Visitor, name: str) -> tuple[date | None, date | None]:
    """The first and the last day; None for no bound."""
    days: list[date | None] = []
    for column, key in zip(st.columns(2), ("since", "until"), strict=True):
        label = who.say(f"filter_{key}")
        days.append(column.date_input(label, None, key=f"{name}_{key}", persist_state="session", format="YYYY-MM-DD"))
    return days[0], days[1]

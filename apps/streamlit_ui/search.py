"""The page of searches: passages with the reasons why they were found, and a map of what the documents are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from apps.streamlit_ui import topics
from apps.streamlit_ui.bridge import clicked, html
from apps.streamlit_ui.errors import shown
from apps.streamlit_ui.facets import filters
from apps.streamlit_ui.sources import open_source
from apps.streamlit_ui.visitor import Visitor, visitor
from ragbot.bot import RagBot
from ragbot.index.access import counts
from ragbot.index.filters import Filter
from ragbot.showing.answers import hits_html

if TYPE_CHECKING:
    from ragbot.retrieval.explanation import Explanation

_LONGEST, _MOST = 4000, 100
#: Key of the state: what was searched for, and what it found: the page is drawn more often than somebody searches.
_FOUND = "found"


def show() -> None:
    """Draw the page."""
    who = visitor()
    with shown(who.language), who.using() as bot:
        st.subheader(who.say("page_search"), anchor=False)
        if not counts(bot.kb.catalog, who.where())["documents"]:
            html(hits_html([], None, who.language))
            st.info(who.say("empty_hint"))
            return
        passages, map_of = st.tabs([who.say("tab_passages"), who.say("tab_topics")])
        with passages:
            _search(who, bot)
        with map_of:
            topics.draw(who, bot)


def _search(who: Visitor, bot: RagBot) -> None:
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    query = left.text_input(
        who.say("query"),
        key="query",
        placeholder=who.say("query_hint"),
        icon=":material/search:",
        max_chars=_LONGEST,
        persist_state="session",
    )
    with right, st.popover(who.say("filters"), icon=":material/tune:", width="stretch", key="search-filters"):
        top_k = st.number_input(who.say("count"), 1, _MOST, bot.settings.retrieval.top_k, key="search_top_k")
        where = who.where(filters(who, bot, "search"))
    if not query.strip():
        st.caption(who.say("search_first"))
        return
    found = _found(who, bot, query.strip(), int(top_k), where)
    hits = [item.hit for item in found.hits]
    html(hits_html(hits, found, who.language), "hit")
    told = clicked("hit")
    if told and told.get("hit", "").isdecimal() and int(told["hit"]) < len(hits):
        open_source(who, who.kb, hits[int(told["hit"])])


def _found(who: Visitor, bot: RagBot, query: str, top_k: int, where: Filter) -> Explanation:
    key = (who.kb, query, top_k, where, tuple(bot.kb.catalog.counts().items()))
    known = st.session_state.get(_FOUND)
    if known is None or known[0] != key:
        with st.spinner(who.say("searching")):
            known = key, bot.explain(query, top_k, where)
        st.session_state[_FOUND] = known
    explanation: Explanation = known[1]
    return explanation

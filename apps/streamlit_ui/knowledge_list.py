"""The documents of a knowledge base, a page at a time; a title opens the document."""

from __future__ import annotations

import streamlit as st

from apps.streamlit_ui.bridge import clicked, html
from apps.streamlit_ui.facets import filters
from apps.streamlit_ui.knowledge_document import open_document
from apps.streamlit_ui.visitor import Visitor
from ragbot.index.access import counts
from ragbot.showing.answers import documents_html

#: Documents on a page.
_PAGE = 50
#: Key of the state: the page that is shown, from 1.
_AT = "page"


def draw(who: Visitor) -> None:
    """The list with its filters."""
    with who.using() as bot:
        numbers = counts(bot.kb.catalog, who.where())
        if not numbers["documents"]:
            html(documents_html([], who.language))
            return
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        contains = left.text_input(
            who.say("find_documents"), key="contains", icon=":material/search:", max_chars=200, persist_state="session"
        )
        with right, st.popover(who.say("filters"), icon=":material/filter_list:", width="stretch", key="list-filters"):
            where = who.where(filters(who, bot, "list"))
        place = st.container()
        page = int(st.session_state.get(_AT, 1))
        total, found = bot.documents_page(where, contains, (page - 1) * _PAGE, _PAGE)
        pages = max(-(-total // _PAGE), 1)
        if page > pages:  # of another list
            st.session_state[_AT] = page = pages
            total, found = bot.documents_page(where, contains, (page - 1) * _PAGE, _PAGE)
        if pages > 1:
            st.pagination(pages, key=_AT)
        with place:
            if found:
                first = (page - 1) * _PAGE
                shown = documents_html(found, who.language, chunks=numbers["chunks"], total=total, first=first)
                html(shown, "document")
            else:
                st.info(who.say("no_such_documents"))
    told = clicked("document")
    if told and told.get("document", "").isdecimal():
        open_document(who, who.kb, int(told["document"]))

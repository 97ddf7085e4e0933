"""A document in a dialog: its text with the borders of its chunks, and what can be done with it."""

from __future__ import annotations

import streamlit as st

from apps.streamlit_ui.drawing import in_dialog
from apps.streamlit_ui.knowledge_add import asker, tag_list
from apps.streamlit_ui.sources import draw_source, forget_place
from apps.streamlit_ui.visitor import Visitor
from apps.streamlit_ui.words import plain
from ragbot.bot import RagBot
from ragbot.composing.intake import submit_again
from ragbot.documents import Document
from ragbot.index.access import document_of
from ragbot.index.labels import COLLECTION, GIVEN, Labels, tags_of


def open_document(who: Visitor, kb: str, document: int) -> None:
    """Open the dialog."""
    forget_place(chunks=False)
    in_dialog(_document, who.say("document"), who, kb, document)


def _document(who: Visitor, kb: str, identity: int) -> None:
    with who.using(name=kb) as bot:
        document = document_of(bot.kb.catalog, identity, who.where())
        if who.may("write"):
            _actions(who, kb, bot, document)
    draw_source(who, kb, identity)


def _actions(who: Visitor, kb: str, bot: RagBot, document: Document) -> None:
    with st.container(horizontal=True):
        if st.button(who.say("read_again"), key="read-again", icon=":material/refresh:"):
            submit_again(bot, who.site.jobs, document.source, asker(who))
            who.site.runner.wake()
            st.rerun()
        with st.popover(who.say("tags"), icon=":material/label:", key="labels"):
            _labels(who, bot, document)
        with st.popover(who.say("remove"), icon=":material/delete:", key="remove"):
            st.markdown(who.say("remove_sure", title=plain(document.title or document.source, 80)))
            if st.button(who.say("remove_yes"), key="remove-yes", type="primary"):
                with who.using("write", kb) as writing:
                    writing.remove(document.source)
                st.rerun()


def _labels(who: Visitor, bot: RagBot, document: Document) -> None:
    declared = set(tags_of({key: value for key, value in document.metadata.items() if key != GIVEN}))
    given = [tag for tag in tags_of(document.metadata) if tag not in declared]
    with st.form("labels-form", border=False):
        tags = st.text_input(who.say("tags"), ", ".join(given), help=who.say("tags_hint"), max_chars=1000)
        if declared:
            st.caption(who.say("tags_declared", tags=plain(", ".join(sorted(declared)))))
        collection = st.text_input(who.say("collection"), document.metadata.get(COLLECTION, ""), max_chars=100)
        if st.form_submit_button(who.say("save"), type="primary"):
            bot.set_labels(document.source, Labels(tag_list(tags), collection.strip()), who.where())
            st.rerun()

"""The conversations in the side bar: found, opened, begun; and what was thought of their answers, as a question set."""

from __future__ import annotations

import streamlit as st

from apps.streamlit_ui.chat_state import open_conversation
from apps.streamlit_ui.visitor import Visitor
from apps.streamlit_ui.words import plain
from ragbot.bot import RagBot
from ragbot.showing.conversations import groups, when
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.exporting import exported
from ragbot.workspace.searching import search

#: Conversations that are listed; older ones are found by searching, or on demand.
_LISTED, _FOUND = 30, 30
_TITLE = 60


def draw(who: Visitor, bot: RagBot, opened: str) -> None:
    """The list of one knowledge base."""
    conversations = who.conversations(bot)
    folder = str(bot.kb.folder)
    with st.sidebar:
        st.button(
            who.say("new_conversation"),
            key="new",
            icon=":material/edit_square:",
            width="stretch",
            on_click=open_conversation,
            args=("",),
        )
        query = st.text_input(
            who.say("find_conversations"),
            key="find",
            placeholder=who.say("find_conversations"),
            label_visibility="collapsed",
            icon=":material/search:",
            max_chars=500,
        )
        if query.strip():
            _found(who, conversations, folder, query)
        else:
            _all(who, conversations, folder, opened)
        _rated(who, conversations, folder)


def _all(who: Visitor, conversations: Conversations, folder: str, opened: str) -> None:
    listed = [info for info in conversations.all(folder) if info.turns or info.id == opened]
    if not listed:
        st.caption(who.say("no_conversations"))
        return
    more = len(listed) - _LISTED
    every = more > 0 and st.session_state.get("all_conversations", False)
    for group in groups(listed if every else listed[:_LISTED], who.language):
        st.caption(group.name)
        for info in group.conversations:
            _entry(who, info.id, info.title, info.id == opened)
    if more > 0:
        st.toggle(who.say("show_all", count=len(listed)), key="all_conversations")


def _found(who: Visitor, conversations: Conversations, folder: str, query: str) -> None:
    found = search(conversations, query, folder, _FOUND)
    if not found:
        st.caption(who.say("nothing_said", query=plain(query, 80)))
    for number, item in enumerate(found):
        at = item.turn.asked if item.turn else item.conversation.updated
        _entry(who, item.conversation.id, item.conversation.title, False, f"found-{number}-")
        st.caption(f"{plain(when(at, who.language))} · {plain(item.excerpt, 160)}")


def _entry(who: Visitor, identity: str, title: str, is_open: bool, prefix: str = "open-") -> None:
    st.button(
        plain(title, _TITLE) or who.say("new_conversation"),
        key=f"{prefix}{identity}",
        type="secondary" if is_open else "tertiary",
        icon=":material/chat_bubble:",
        width="stretch",
        on_click=open_conversation,
        args=(identity,),
    )


def _rated(who: Visitor, conversations: Conversations, folder: str) -> None:
    """A button that makes a question set of the ratings."""

    st.download_button(
        who.say("export_ratings"),
        lambda: exported(conversations, conversations.all(folder), "questions"),
        "ratings.jsonl",
        "application/jsonl",
        key="ratings",
        help=who.say("export_ratings_hint"),
        icon=":material/thumbs_up_down:",
        type="tertiary",
        width="stretch",
        on_click="ignore",
    )

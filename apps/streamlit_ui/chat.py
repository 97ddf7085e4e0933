"""The page of conversations: questions, answers that can be checked, and what was said before."""

from __future__ import annotations

from typing import Any

import streamlit as st

from apps.streamlit_ui import chat_list, chat_menu, chat_turns
from apps.streamlit_ui.asking import Wishes, ask, work_name
from apps.streamlit_ui.chat_agent import ask_agent
from apps.streamlit_ui.chat_running import growing
from apps.streamlit_ui.chat_settings import wishes
from apps.streamlit_ui.chat_state import ASK, chosen, open_conversation, wish
from apps.streamlit_ui.errors import shown, tell
from apps.streamlit_ui.visitor import Visitor, visitor
from apps.streamlit_ui.words import plain
from apps.streamlit_ui.working import Work
from ragbot.bot import RagBot
from ragbot.index.access import counts
from ragbot.showing.examples import LOOKED_AT, examples

_LONGEST = 4000


def show() -> None:
    """Draw the page."""
    who = visitor()
    with shown(who.language), who.using() as bot:
        identity = chosen(who, bot)
        if ASK in st.session_state:
            with shown(who.language):
                identity = _begin(who, bot, identity, *st.session_state.pop(ASK))
        work = who.site.works.get(work_name(who, identity)) if identity else None
        chat_list.draw(who, bot, identity)
        left, right = st.columns([3, 2], vertical_alignment="center")
        with right, st.container(horizontal=True, horizontal_alignment="right"):
            st.session_state["wishes"] = wishes(who, bot)
            chat_menu.draw(who, bot, identity)
        turns = who.conversations(bot).turns(identity) if identity else ()
        with left:
            _title(who, bot, identity)
        if not turns and not (work and work.running):
            _welcome(who, bot)
        chat_turns.draw(who, bot, turns, work)
        _end(who, work, bool(turns and turns[-1].state == "failed"))
        st.chat_input(
            who.say("question_hint"),
            key="question",
            max_chars=_LONGEST,
            disabled=bool(work and work.running),
            on_submit=lambda: wish(st.session_state.get("question")),
        )


def _begin(who: Visitor, bot: RagBot, identity: str, question: str, instead_of: int | None) -> str:
    """Begin to answer; the id of the conversation, which is made if there is none."""
    wanted: Wishes = st.session_state.get("wishes", Wishes())
    if not identity:
        identity = who.conversations(bot).create(str(bot.kb.folder)).id
        open_conversation(identity)
    begin = ask_agent if wanted.options.agent else ask
    begin(who, who.kb, identity, question, wanted, instead_of)
    return identity


def _end(who: Visitor, work: Work[Any] | None, told: bool) -> None:
    """The answer that is under way, or why one came to nothing that is not stored with its turn."""
    if work and work.running:
        growing(who, work)
    elif work and work.error and not told:
        tell(work.error, who.language)


def _title(who: Visitor, bot: RagBot, identity: str) -> None:
    title = who.conversations(bot).get(identity).title if identity else ""
    st.subheader(plain(title, 80) or who.say("new_conversation"), anchor=False)


def _welcome(who: Visitor, bot: RagBot) -> None:
    empty = not counts(bot.kb.catalog, who.where())["documents"]
    st.markdown(f"**{plain(who.say('empty' if empty else 'welcome'))}**")
    st.markdown(plain(who.say("empty_hint" if empty else "welcome_hint")))
    if empty:
        pages = st.session_state.get("pages", {})
        if who.may("write") and "knowledge" in pages:
            st.page_link(pages["knowledge"], label=who.say("add_documents"), icon=":material/add:")
        return
    _, documents = bot.documents_page(who.where(), limit=LOOKED_AT)
    for number, question in enumerate(examples(documents, who.language)):
        st.button(plain(question), key=f"example-{number}", on_click=wish, args=(question,), icon=":material/chat:")

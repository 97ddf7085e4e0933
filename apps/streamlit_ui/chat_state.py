"""Which conversation a browser's tab shows: it stands in the address, so that loading the page again shows it again."""

from __future__ import annotations

import streamlit as st

from apps.streamlit_ui.visitor import NEXT_KB, Visitor
from ragbot.bot import RagBot
from ragbot.errors import CorruptError, UserError

#: Keys of the state: the open conversation, and what is to be asked next.
OPEN, ASK = "conversation", "ask"
_PARAMETER = "c"


def chosen(who: Visitor, bot: RagBot) -> str:
    """The id of the conversation that is open; empty for a new one."""
    is_new = OPEN not in st.session_state
    identity = str(st.session_state[OPEN] if not is_new else st.query_params.get(_PARAMETER, ""))
    if identity:
        try:
            info = who.conversations(bot).get(identity)
        except (UserError, CorruptError):  # it was deleted, or the address is old
            info = None
        if info and is_new:
            _follow(who, info.kb)
        identity = info.id if info and info.kb == str(bot.kb.folder) else ""
    open_conversation(identity)
    return identity


def _follow(who: Visitor, folder: str) -> None:
    """A page that is loaded again shows its conversation, and so the knowledge base that it is about."""
    for name in who.knowledge_bases():
        if str(who.site.bots.folder(name)) == folder and name != who.kb:
            st.session_state[NEXT_KB] = name
            st.rerun()


def open_conversation(identity: str) -> None:
    """Show a conversation; an empty id is a new one."""
    st.session_state[OPEN] = identity
    if identity:
        st.query_params[_PARAMETER] = identity
    else:
        st.query_params.pop(_PARAMETER, None)


def wish(question: str | None, instead_of: int | None = None) -> None:
    """Ask something when the script runs next; for callbacks.

    Args:
        instead_of: the turn that is asked anew.
    """
    if question and question.strip():
        st.session_state[ASK] = (question.strip(), instead_of)

"""What can be done with the open conversation: a new name, a copy as a file, an end."""

from __future__ import annotations

from functools import partial

import streamlit as st

from apps.streamlit_ui.asking import work_name
from apps.streamlit_ui.chat_state import open_conversation
from apps.streamlit_ui.visitor import Visitor, still
from ragbot.bot import RagBot
from ragbot.workspace.conversations import TITLE, Conversations
from ragbot.workspace.exporting import exported

#: What a conversation is saved as: the name of the format, the end of the file's name, its media type.
_FORMATS = (("Markdown", "md", "text/markdown"), ("JSON", "json", "application/json"))


def draw(who: Visitor, bot: RagBot, identity: str) -> None:
    """The menu of a conversation; nothing for one that is not there yet."""
    if not identity:
        return
    conversations = who.conversations(bot)
    info = conversations.get(identity)

    def renamed() -> None:
        title = str(st.session_state.get(f"title-{identity}") or "")
        if title.strip():
            conversations.rename(identity, title)

    with st.popover(who.say("menu"), icon=":material/more_horiz:", help=who.say("conversation_menu"), key="menu"):
        st.text_input(who.say("title"), info.title, key=f"title-{identity}", max_chars=TITLE, on_change=still(renamed))
        for form, suffix, kind in _FORMATS:
            st.download_button(
                form,
                partial(_file, conversations, identity, form.lower()),
                f"{identity}.{suffix}",
                kind,
                key=f"as-{suffix}",
                icon=":material/download:",
                width="stretch",
                on_click="ignore",
            )
        sure = st.checkbox(who.say("delete_sure"), key=f"sure-{identity}")
        st.button(
            who.say("delete_conversation"),
            key="delete",
            icon=":material/delete:",
            width="stretch",
            disabled=not sure,
            on_click=still(_delete),
            args=(who, conversations, identity),
        )


def _file(conversations: Conversations, identity: str, form: str) -> str:
    return exported(conversations, [conversations.get(identity)], form)


def _delete(who: Visitor, conversations: Conversations, identity: str) -> None:
    work = who.site.works.get(work_name(who, identity))
    if work is not None:
        work.stop(wait=2.0)
    conversations.delete([identity])
    open_conversation("")

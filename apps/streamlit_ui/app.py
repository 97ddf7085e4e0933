"""The script that Streamlit runs for every page: who looks, the pages that there are, and the one that is open."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from apps.streamlit_ui import agent, chat, evaluation, knowledge, search
from apps.streamlit_ui.bridge import speak
from apps.streamlit_ui.errors import shown, tell
from apps.streamlit_ui.visitor import KB, NEXT_KB, TROUBLE, Visitor, visitor
from apps.streamlit_ui.words import plain
from ragbot.errors import UserError
from ragbot.showing.html import STYLE

_CSS = Path(__file__).with_name("page.css")
#: A file of ours: Streamlit would fetch one of its named icons from elsewhere.
_ICON = Path(__file__).with_name("icon.svg")
#: The pages by the last part of their address, in their order, with their icons.
_PAGES = {
    "chat": (chat.show, "forum"),
    "knowledge": (knowledge.show, "library_books"),
    "search": (search.show, "search"),
    "agent": (agent.show, "smart_toy"),
    "evaluation": (evaluation.show, "monitoring"),
}


def main() -> None:
    """Draw the page that is open."""
    st.set_page_config(page_title="ragbot", page_icon=str(_ICON), layout="wide")
    st.html(f"<style>{STYLE}{_CSS.read_text(encoding='utf-8')}</style>")
    try:
        who = visitor()
    except UserError as error:
        tell(error, "en")
        return
    speak(who.language)
    pages = {
        name: st.Page(
            draw, title=who.say(f"page_{name}"), icon=f":material/{icon}:", url_path=name, default=name == "chat"
        )
        for name, (draw, icon) in _PAGES.items()
    }
    st.session_state["pages"] = pages
    opened = st.navigation(list(pages.values()))
    with shown(who.language):
        if TROUBLE in st.session_state:
            st.error(plain(st.session_state.pop(TROUBLE)), icon=":material/error:")
        _side_bar(who)
    opened.run()


def _side_bar(who: Visitor) -> None:
    """The knowledge base that everything is about, and the way out."""
    names = who.knowledge_bases()
    if NEXT_KB in st.session_state:
        st.session_state[KB] = st.session_state.pop(NEXT_KB)
    if st.session_state.get(KB) not in names:
        st.session_state[KB] = who.kb
    with st.sidebar:
        if len(names) > 1:
            st.selectbox(who.say("knowledge_base"), names, key=KB, format_func=plain, persist_state="session")
        if who.principal.key_id:
            st.html(
                '<form method="post" action="./logout"><button class="rb-button" type="submit">'
                f"{who.say('log_out')}</button></form>"
            )


if __name__ == "__main__":  # as which Streamlit runs it
    main()

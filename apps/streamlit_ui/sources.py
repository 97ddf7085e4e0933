"""The source of a citation, a hit or a list's row in a dialog: its page or text, the passage marked."""

from __future__ import annotations

import streamlit as st

from apps.streamlit_ui.bridge import clicked, html
from apps.streamlit_ui.drawing import in_dialog
from apps.streamlit_ui.visitor import Visitor
from ragbot.documents import Chunk, Citation, ScoredChunk
from ragbot.showing.sources import source_html, source_view

Place = Citation | ScoredChunk | Chunk | int
#: Keys of the state: from where on the dialog shows the text, and whether with the borders of the chunks.
_AT, _CHUNKS = "source_at", "source_chunks"


def open_source(who: Visitor, kb: str, what: Place) -> None:
    """Open the dialog.

    Args:
        kb: the name of the knowledge base.
        what: a citation, a hit, a chunk, or the id of a document.
    """
    forget_place(chunks=False)
    in_dialog(draw_source, who.say("source"), who, kb, what)


def forget_place(chunks: bool) -> None:
    """Before a dialog opens: look at the passage, with or without the borders of the chunks."""
    st.session_state.pop(_AT, None)
    st.session_state[_CHUNKS] = chunks


def draw_source(who: Visitor, kb: str, what: Place) -> None:
    """What the dialog shows; it is drawn alone when somebody leafs through it."""
    chunks = st.toggle(who.say("show_chunks"), key=_CHUNKS, help=who.say("show_chunks_hint"))
    told = clicked("source", focus=f"{kb} {_named(what)} {chunks}")
    if told and told.get("at", "").isdecimal():
        st.session_state[_AT] = int(told["at"])
    at: int | None = st.session_state.get(_AT)
    with who.using(name=kb) as bot:
        view = source_view(bot, what, chunks=chunks, at=at, where=who.where(), image=not chunks)
    html(source_html(view, who.language), "source")
    if at is not None and not isinstance(what, int):
        if st.button(who.say("to_passage"), key="to-passage", icon=":material/my_location:"):
            st.session_state.pop(_AT)
            st.rerun(scope="fragment")


def _named(what: Place) -> str:
    """What tells one place from another."""
    if isinstance(what, ScoredChunk):
        what = what.chunk
    if isinstance(what, Citation):
        return f"{what.document_id} {what.start} {what.end}"
    return f"{what.document.id} {what.start}" if isinstance(what, Chunk) else str(what)

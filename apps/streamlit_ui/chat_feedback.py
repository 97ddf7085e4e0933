"""What somebody thinks of an answer: a thumb, and, if they like, why and what would have been right."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from apps.streamlit_ui.visitor import Visitor, still
from ragbot.bot import RagBot
from ragbot.workspace.feedback import FeedbackStore
from ragbot.workspace.records import Feedback, Turn

_RATINGS: tuple[Literal["down", "up"], ...] = ("down", "up")
_LONGEST = 4000


def rating(who: Visitor, bot: RagBot, turn: Turn) -> None:
    """Thumbs, and a popover for words once there is one."""
    store = FeedbackStore(who.workspace)
    given = store.of([turn]).get(turn.id)
    thumbs, comment, expected = (f"{name}-{turn.id}" for name in ("rated", "comment", "expected"))

    def rated() -> None:
        chosen = st.session_state.get(thumbs)
        if chosen is None:
            store.remove(turn.id)
        else:
            before = store.of([turn]).get(turn.id)
            said = (before.comment, before.expected) if before else ("", "")
            store.put(Feedback(turn.id, _RATINGS[chosen], *said))

    def explained() -> None:
        now = store.of([turn]).get(turn.id)
        if now is not None:
            words = (str(st.session_state.get(name) or "") for name in (comment, expected))
            store.put(Feedback(turn.id, now.rating, *words))

    default = _RATINGS.index(given.rating) if given else None
    st.feedback("thumbs", key=thumbs, default=default, on_change=still(rated))
    if given is None:
        return
    folded = st.popover(who.say("comment"), icon=":material/comment:", type="tertiary", key=f"why-{turn.id}")
    with folded, st.form(f"why-form-{turn.id}", border=False):
        st.text_area(who.say("comment_hint"), given.comment, key=comment, max_chars=_LONGEST)
        st.text_area(who.say("expected_hint"), given.expected, key=expected, max_chars=_LONGEST)
        st.form_submit_button(who.say("save"), type="primary", on_click=still(explained))

"""Parts of a page that are drawn by themselves: again and again, or in a dialog.

Streamlit runs such a part without the rest of the script, with what it was given when the page was drawn; so who looks is
asked anew each time: a key that was revoked meanwhile opens nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import streamlit as st

from apps.streamlit_ui.errors import shown
from apps.streamlit_ui.visitor import Visitor, visitor

Given = ParamSpec("Given")
Part = Callable[Concatenate[Visitor, Given], None]


def again_and_again(draw: Part[Given], every: float, who: Visitor, *args: Given.args, **kwargs: Given.kwargs) -> None:
    """Draw a part now, and then every so many seconds."""
    st.fragment(_asking(draw), run_every=every)(who, *args, **kwargs)


def in_dialog(draw: Part[Given], title: str, who: Visitor, *args: Given.args, **kwargs: Given.kwargs) -> None:
    """Draw a part in a dialog, which opens."""
    st.dialog(title, width="large")(_asking(draw))(who, *args, **kwargs)


def _asking(draw: Callable[..., None]) -> Callable[..., None]:
    @wraps(draw)
    def drawn(who: Visitor, *args: Any, **kwargs: Any) -> None:
        with shown(who.language):
            draw(visitor(), *args, **kwargs)

    return drawn

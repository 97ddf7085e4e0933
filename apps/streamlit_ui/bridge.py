"""HTML of ragbot.showing on a page, sanitised by Streamlit, whose buttons tell the script what was clicked.

Streamlit's own HTML element lets no script through, and so its buttons are dumb. One component without a face listens to
the whole page instead, and says which of them was clicked, and in which element of which name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component

from ragbot.showing.html import safe

_JS = Path(__file__).with_name("bridge.js").read_text(encoding="utf-8")
_bridge = component("ragbot_bridge", js=_JS)


def html(content: str, scope: str = "") -> None:
    """Show HTML of ragbot.showing.

    Args:
        scope: a name by which :func:`clicked` tells this element from others; its first word is the kind.
    """
    st.html(f'<div data-scope="{safe(scope, " ")}">{content}</div>' if scope else content)


def speak(language: str) -> None:
    """Tell the browser, and so screen readers, which language the page is in; Streamlit's own pages say English."""
    _bridge(key="speak", data={"scopes": [], "lang": "zh-CN" if language == "zh" else "en"})


def clicked(*kinds: str, focus: str = "") -> Mapping[str, str] | None:
    """What was clicked since the script last ran, in elements of these kinds: ``scope``, and the ``data-…`` attributes in
    camel case (``citation``, ``hit``, ``document``, ``at``); None for nothing.

    Args:
        focus: a name for what is marked on the page; whenever it changes, the mark is moved into sight.
    """
    data = {"scopes": list(kinds), "focus": focus}
    found = _bridge(key=f"bridge-{'-'.join(kinds)}", data=data, on_clicked_change=lambda: None)
    told = found.get("clicked")
    if not isinstance(told, Mapping):
        return None
    return {str(name): str(value) for name, value in told.items()}

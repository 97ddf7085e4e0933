"""What the tabs share on the page: the knowledge base that is chosen, and how one tab tells another of a change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from apps.gradio_ui.site import Site

#: Wires what a tab shows to an event: ``refresh(button.click)``; returns Gradio's dependency.
Refresh = Callable[[Callable[..., Any]], Any]
#: No endpoint for programs, which have ``ragbot serve``; and no flicker for what takes a moment.
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True, slots=True)
class Frame:
    """The page around the tabs.

    Args:
        site: the knowledge bases, and who looks.
        blocks: the page; ``blocks.load`` is its load.
        tabs: the row of tabs.
        kb: the name of the knowledge base that is chosen; empty until the page is loaded. An input of every handler.
        changed: a number; whoever changes documents or knowledge bases gives it as an output, one higher.
    """

    site: Site
    blocks: gr.Blocks
    tabs: gr.Tabs
    kb: gr.Dropdown
    changed: gr.State

    def opens(self, trigger: Callable[..., Any], tab: str) -> Any:
        """Let an event open a tab: ``chat``, ``knowledge``, ``search``, ``agent`` or ``evaluation``."""
        return trigger(lambda: gr.update(selected=tab), None, self.tabs, queue=False, api_visibility="private")

"""The frame of a handler: who asks, the knowledge base that they chose, and errors as messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from apps.gradio_ui.errors import shown
from apps.gradio_ui.frame import Frame
from apps.gradio_ui.site import Visitor
from apps.gradio_ui.text import language_of
from ragbot.bot import RagBot


@contextmanager
def visit(frame: Frame, request: gr.Request) -> Iterator[Visitor]:
    """Who sent a request; what goes wrong inside is shown in the corner of the page."""
    with shown(language_of(request, frame.site.settings.language)):
        yield frame.site.visitor(request)


@contextmanager
def at_work(frame: Frame, request: gr.Request, kb: str | None, scope: str = "read") -> Iterator[tuple[Visitor, RagBot]]:
    """The same with a bot on the knowledge base ``kb``, where the visitor may do with it what ``scope`` says."""
    with visit(frame, request) as visitor, visitor.using(kb, scope) as bot:
        yield visitor, bot

"""Errors as messages: what ragbot raises on purpose is shown in its own words, anything else without a traceback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from apps.gradio_ui.text import say
from ragbot.errors import LockedError, RagbotError
from ragbot.showing.html import safe

log = logging.getLogger(__name__)


def words(error: Exception, language: str) -> tuple[str, str]:
    """A title and a sentence; the traceback of what nobody expected goes to the terminal."""
    if isinstance(error, RagbotError):
        return say(language, "busy" if isinstance(error, LockedError) else "failed"), str(error)
    log.error("an unexpected error", exc_info=error)
    return say(language, "failed"), say(language, "failed_hint")


@contextmanager
def shown(language: str) -> Iterator[None]:
    """Turn an error into a message in the corner of the page, where there is no better place for it."""
    try:
        yield
    except Exception as error:
        title, sentence = words(error, language)
        # Gradio 6.31 shows "Error" whatever the title, so that ours stands in the message.
        raise gr.Error(f"<strong>{safe(title)}</strong><br>{safe(sentence)}", print_exception=False) from error

"""Errors as messages on the page: what ragbot raises on purpose in its own words, anything else without a traceback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from apps.streamlit_ui.words import plain, say
from ragbot.errors import LockedError, RagbotError

log = logging.getLogger(__name__)


def words(error: BaseException, language: str) -> tuple[str, str]:
    """A title and a sentence; the traceback of what nobody expected goes to the log."""
    if isinstance(error, RagbotError):
        return say(language, "busy" if isinstance(error, LockedError) else "failed"), str(error)
    log.error("an unexpected error", exc_info=error)
    return say(language, "failed"), say(language, "failed_hint")


def tell(error: BaseException, language: str) -> None:
    """Show an error where the page is."""
    title, sentence = words(error, language)
    st.error(f"**{plain(title)}** {plain(sentence)}", icon=":material/error:")


@contextmanager
def shown(language: str) -> Iterator[None]:
    """Turn an error into a message; what Streamlit raises to draw the page anew is no Exception, and passes through."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  # whatever it is, the person is told, and the log keeps it
        tell(error, language)

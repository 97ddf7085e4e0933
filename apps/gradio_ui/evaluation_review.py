"""The review page of a question set, started beside this one when it is first asked for."""

from __future__ import annotations

import threading
from pathlib import Path

import gradio as gr

from apps.gradio_review import launch_review
from apps.gradio_ui.site import Visitor
from eval.sets import SetFile, documents_of
from ragbot.bot import RagBot


class Reviews:
    """The review pages of this app, each on a port of its own on the loopback."""

    def __init__(self) -> None:
        self._pages: dict[Path, gr.Blocks] = {}
        self._lock = threading.Lock()

    def address(self, found: SetFile, bot: RagBot, language: str) -> str:
        """Where a set can be looked through, with the documents of a knowledge base beside it.

        Raises:
            SourceError: the set cannot be read.
            UserError: there is no port.
        """
        with self._lock:
            if found.path not in self._pages:
                documents = documents_of(found, bot)
                self._pages[found.path] = launch_review(found.path, documents, "127.0.0.1", 0, language, block=False)
            return str(self._pages[found.path].local_url)

    def close(self) -> None:
        """Stop serving all of them."""
        with self._lock:
            for page in self._pages.values():
                page.close(verbose=False)
            self._pages.clear()


def may_review(visitor: Visitor, value: str | None) -> bool:
    """Whether a set is the visitor's own, and they sit at the machine: the page asks for no key."""
    return bool(value) and str(value).startswith("own:") and not visitor.site.login.required

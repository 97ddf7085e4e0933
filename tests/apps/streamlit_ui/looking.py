"""What a page shows, and a page once nothing is at work any more."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest

from apps.streamlit_ui.site import current


def settled(tested: AppTest, rounds: int = 200) -> AppTest:
    """The page when its work is done; in a browser, it looks by itself."""
    for _ in range(rounds):
        assert not tested.exception, [error.value for error in tested.exception]
        works = [work for work in current().works.all() if work.running]
        if not works:
            return tested.run()
        works[0].wait(0.2)
    raise AssertionError("it goes on and on")


def html_of(tested: AppTest) -> str:
    """All HTML elements of a page but the style sheet, joined."""
    bodies = (str(element.proto.body) for element in tested.get("html"))
    return "\n".join(body for body in bodies if not body.startswith("<style>"))


def words_of(tested: AppTest) -> str:
    """What a page says beside its HTML."""
    kinds = ("markdown", "caption", "subheader", "info", "error", "warning", "success")
    return "\n".join(str(element.value) for kind in kinds for element in tested.get(kind))


def button(tested: AppTest, start: str) -> Any:
    """The first button whose key begins so."""
    return next(one for one in tested.button if (one.key or "").startswith(start))


def asked(tested: AppTest, question: str) -> AppTest:
    """The chat after a question was answered."""
    tested.chat_input[0].set_value(question).run()
    return settled(tested)

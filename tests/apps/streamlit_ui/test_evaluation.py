"""The page of evaluations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.streamlit_ui.evaluation_new import _options
from apps.streamlit_ui.site import Site
from eval.sets import question_sets
from ragbot.errors import UserError
from tests.apps.streamlit_ui.conftest import Opened
from tests.apps.streamlit_ui.looking import button, html_of, words_of

QUESTIONS = [
    {"id": "a", "question": "What colour is the lighthouse?", "answers": ["green"], "source": "plain.txt"},
    {"id": "b", "question": "长江全长多少？", "answers": ["六千三百公里"], "source": "misc.txt"},
]


@pytest.fixture
def own_set(site: Site) -> str:
    from eval.sets import add_set

    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in QUESTIONS)
    return add_set(site.settings, "mine.jsonl", text.encode()).name


def finished(site: Site) -> Any:
    thread = site.evaluations._thread
    assert thread is not None
    thread.join(120)
    return site.evaluations.view()


def test_one_is_run_watched_looked_at_and_compared(page: Opened, site: Site, own_set: str) -> None:
    tested = page("evaluation")
    assert "No evaluation has been run yet" in html_of(tested).replace("&#32;", " ")
    for name in ("first", "second"):
        tested.text_input(key="run-name").set_value(name)
        button(tested, "FormSubmitter:evaluate").click().run()
        assert not tested.error, words_of(tested)
        view = finished(site)
        assert (view.state, view.done, view.error) == ("done", 2, "")
        tested.run()
    shown = html_of(tested)
    assert 'data-run="first"' in shown and 'data-run="second"' in shown
    assert "95" in shown
    tested.selectbox(key="evaluation").select("second").run()
    tested.selectbox(key="against").select("first").run()
    assert not tested.error, words_of(tested)
    assert "No difference could be shown" in html_of(tested).replace("&#32;", " ")
    button(tested, "open-report").click().run()
    assert not tested.error, words_of(tested)
    assert tested.get("iframe")


def test_a_set_of_ratings_and_one_that_is_none(page: Opened, site: Site) -> None:
    tested = page("evaluation", language="zh")
    button(tested, "ratings-as-set").click().run()
    assert "no rated answer yet" in words_of(tested)
    tested.file_uploader(key="set-file").set_value(("x.jsonl", b"{}\n", "application/jsonl")).run()
    button(tested, "keep-set").click().run()
    assert tested.error
    assert not [one for one in question_sets(site.settings) if one.own]


def test_other_settings() -> None:
    assert _options("retrieval.top_k=20, llm=extractive") == {"retrieval.top_k": "20", "llm": "extractive"}
    assert _options("  ") == {}
    with pytest.raises(UserError, match="KEY=VALUE"):
        _options("top_k")

"""The page of searches."""

from __future__ import annotations

import time

import pytest

from apps.streamlit_ui.site import Site
from ragbot.exploring.collection import Count
from tests.apps.streamlit_ui.conftest import Opened
from tests.apps.streamlit_ui.looking import button, html_of, settled, words_of


def test_hits_with_reasons_filters_and_their_place(page: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    tested = page("search")
    assert "Write what to look for" in words_of(tested)
    tested.text_input(key="query").set_value("lighthouse painted").run()
    shown = html_of(tested)
    assert "green" in shown and "data-hit" in shown and "rb-scores" in shown

    # A filter leaves documents out; a number of hits is obeyed.
    tested.multiselect(key="search_languages").set_value(["zh"]).run()
    assert "green" not in html_of(tested)
    tested.multiselect(key="search_languages").set_value([]).run()
    tested.text_input(key="search_source").set_value("plain").run()
    tested.number_input(key="search_top_k").set_value(1).run()
    assert html_of(tested).count('class="rb-card"') == 1

    told = {"scope": "hit", "hit": "0", "document": "1"}
    monkeypatch.setattr("apps.streamlit_ui.search.clicked", lambda *_, **__: told)
    tested.run()
    assert 'id="rb-focus"' in html_of(tested)


def test_a_chinese_search(page: Opened) -> None:
    tested = page("search", language="zh-CN")
    tested.text_input(key="query").set_value("长江流经哪里").run()
    assert "武汉" in html_of(tested)
    tested.text_input(key="query").set_value("   ").run()
    assert "输入要查找的内容" in words_of(tested)


def test_without_documents(page: Opened) -> None:
    assert "Add files or addresses" in words_of(page("search", kb="other"))


def test_the_map_of_topics(page: Opened, site: Site) -> None:
    tested = page("search")
    button(tested, "make-map").click().run()
    settled(tested)
    assert not tested.error, words_of(tested)
    assert tested.get("iframe") and tested.table
    assert {"HTML", "PNG"} <= {one.label for one in tested.download_button}


def test_a_map_can_be_stopped(page: Opened, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def forever(self: object, count: object, where: object, progress: object) -> object:
        while True:
            time.sleep(0.01)
            progress(Count(1, 2))  # type: ignore[operator]

    monkeypatch.setattr("ragbot.bot.RagBot.topics", forever)
    tested = page("search")
    button(tested, "make-map").click().run()
    button(tested, "stop-map").click().run()
    settled(tested)
    assert not tested.get("iframe") and not tested.error

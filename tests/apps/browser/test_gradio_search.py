"""The search of the Gradio app in a real browser: hits with reasons, filters, places, and the topic map."""

from __future__ import annotations

import pytest

pytest.importorskip("gradio", reason='the Gradio app needs the extra "ui": pip install "ragbot[ui]"')
pytest.importorskip("playwright", reason="the browser tests need Playwright: pip install playwright")

from playwright.sync_api import expect

from tests.apps.browser.conftest import PATIENCE, OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
expect.set_options(timeout=PATIENCE * 1000)


def test_hits_are_explained_filtered_and_opened(open_page: OpenPage, gradio_url: str) -> None:
    visit = open_page(gradio_url)
    page = visit.page
    page.locator("#rb-turns .rb-welcome").wait_for()
    visit.tab("search")
    expect(page.locator("#rb-found")).to_contain_text("appear here")
    visit.write("#rb-query", "骆驼的驼峰")
    visit.box("#rb-query").press("Enter")
    first = page.locator("#rb-found .rb-card").first
    expect(first).to_contain_text("骆驼.txt")
    expect(first).to_contain_text("储存的是脂肪")
    expect(page.locator("#rb-found .rb-card")).to_have_count(5)
    first.locator(".rb-why summary").click()
    expect(first.locator(".rb-scores")).to_contain_text("meaning")
    first.locator(".rb-open").click()
    expect(page.locator("#rb-search-source-panel #rb-focus")).to_contain_text("储存的是脂肪")

    page.locator("#rb-search-settings button").first.click()
    visit.write("#rb-search-source", "*.md")
    page.locator("#rb-search").click()
    expect(page.locator("#rb-found .rb-card")).to_have_count(4)
    expect(page.locator("#rb-found")).not_to_contain_text("骆驼.txt")
    expect(page.locator("#rb-search-source-panel .rb-panel")).to_have_count(0)
    visit.write("#rb-query", "carrier pigeons")
    page.locator("#rb-search").click()
    expect(page.locator("#rb-found")).to_contain_text("![picture](http://evil.example/b.png)")
    assert page.locator("img[src*=evil], a[href*=evil], #rb-found b").count() == 0
    assert page.evaluate("window.hacked") is None

    visit.tab("chat")  # what was found stays
    visit.tab("search")
    expect(page.locator("#rb-found .rb-card").first).to_be_visible()
    assert visit.nameless() == []


def test_the_topic_map(open_page: OpenPage, gradio_url: str) -> None:
    visit = open_page(gradio_url, locale="zh-CN", width=390, height=844, dark=True)
    page = visit.page
    page.locator("#rb-turns .rb-welcome").wait_for()
    visit.tab("search")
    page.locator("#rb-topics button").first.click()
    page.locator("#rb-topics-find").click()
    expect(page.locator("#rb-topic-map table tbody tr").first).to_be_visible()
    expect(page.frame_locator(".rb-map").locator("svg use").first).to_be_attached()
    assert not visit.wider_than_the_window()

"""The agent tab in a real browser: steps as they happen, consent, stop, sources, and runs that are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("gradio", reason='the Gradio app needs the extra "ui": pip install "ragbot[ui]"')
pytest.importorskip("playwright", reason="the browser tests need Playwright: pip install playwright")

from playwright.sync_api import expect

from tests.apps.browser.conftest import PATIENCE, OpenPage, Visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
expect.set_options(timeout=PATIENCE * 1000)
TALL, PAGES = "How tall is the lighthouse of Ravna?", "Read the page http://127.0.0.1:9/0"


def agent(visit: Visit) -> Visit:
    """Open the tab, and wait until it is filled."""
    visit.tab("agent")
    visit.page.locator("#rb-past .rb").wait_for()
    return visit


def give(visit: Visit, task: str) -> None:
    """Hand a task over."""
    visit.write("#rb-task", task)
    visit.page.locator("#rb-agent-go").click()


def test_steps_sources_and_a_run_that_is_shown_again(open_page: OpenPage, workshop: tuple[str, Path]) -> None:
    visit = agent(open_page(workshop[0]))
    page, steps = visit.page, visit.page.locator("#rb-steps")
    assert visit.nameless() == []
    page.locator("#rb-agent-go").click()
    expect(page.locator(".toast-body")).to_contain_text("empty")
    give(visit, TALL)
    expect(steps).to_contain_text("It is 47 metres tall")
    expect(steps).to_contain_text("search_knowledge")
    expect(steps).to_contain_text("done")
    steps.locator("button[data-citation]").first.click()
    expect(page.locator("#rb-agent-source-panel")).to_contain_text("The lighthouse of Ravna is 47 metres tall")
    page.keyboard.press("Escape")

    page.reload()
    agent(visit)
    expect(steps).not_to_contain_text("47 metres")
    page.locator("#rb-past").get_by_role("button", name=TALL).first.click()
    expect(steps).to_contain_text("It is 47 metres tall")
    steps.locator("button[data-citation]").first.click()
    expect(page.locator("#rb-agent-source-panel")).to_contain_text("built in 1883")
    expect(page.locator("#rb-run-resume")).not_to_be_visible()
    page.locator("#rb-run-delete").click()
    page.locator("#rb-run-no").click()
    page.locator("#rb-run-delete").click()
    page.locator("#rb-run-yes").click()
    expect(page.locator("#rb-past").get_by_role("button", name=TALL)).to_have_count(0)
    expect(steps).not_to_contain_text("47 metres")


def test_consent_once_for_the_run_and_denied(open_page: OpenPage, workshop: tuple[str, Path]) -> None:
    visit = agent(open_page(workshop[0]))
    page, steps = visit.page, visit.page.locator("#rb-steps")
    give(visit, PAGES)
    question = page.locator("#rb-consent-question")
    expect(question).to_contain_text("fetch_page")
    expect(question).to_contain_text("http://127.0.0.1:9/0")
    assert visit.nameless() == []
    page.reload()  # the run waits, and the page finds it again
    agent(visit)
    expect(question).to_contain_text("http://127.0.0.1:9/0")
    page.locator("#rb-consent-once").click()
    expect(question).to_contain_text("http://127.0.0.1:9/1")
    page.locator("#rb-consent-deny").click()
    expect(steps).to_contain_text("Both pages were tried.")
    expect(page.locator("#rb-consent")).not_to_be_visible()

    give(visit, f"{PAGES} and http://127.0.0.1:9/1")
    expect(question).to_contain_text("http://127.0.0.1:9/0")
    page.locator("#rb-consent-run").click()
    expect(steps).to_contain_text("Both pages were tried.")


def test_a_run_is_stopped_and_goes_on(open_page: OpenPage, workshop: tuple[str, Path]) -> None:
    visit = agent(open_page(workshop[0], locale="zh-CN"))
    page, steps = visit.page, visit.page.locator("#rb-steps")
    give(visit, "slow 慢慢说")
    page.locator("#rb-agent-stop").click()
    expect(steps).to_contain_text("已停止")
    expect(page.locator("#rb-agent-stop")).not_to_be_visible()
    expect(page.locator("#rb-agent-go")).to_be_enabled()
    page.locator("#rb-run-resume").click()
    expect(steps).to_contain_text("运行中")
    page.locator("#rb-agent-stop").click()
    expect(steps).to_contain_text("已停止")


@pytest.mark.parametrize(("locale", "dark"), [("en-US", True), ("zh-CN", False)])
def test_on_a_phone(open_page: OpenPage, workshop: tuple[str, Path], locale: str, dark: bool) -> None:
    visit = agent(open_page(workshop[0], locale=locale, width=390, height=844, dark=dark))
    give(visit, TALL)
    expect(visit.page.locator("#rb-steps")).to_contain_text("It is 47 metres tall")
    assert not visit.wider_than_the_window()
    visit.page.locator("#rb-steps button[data-citation]").first.click()
    expect(visit.page.locator("#rb-agent-source-panel")).to_contain_text("47 metres")
    assert not visit.wider_than_the_window()
    assert visit.nameless() == []

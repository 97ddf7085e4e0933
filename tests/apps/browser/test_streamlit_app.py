"""The Streamlit app in a real browser: what only a browser can tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import Rights
from ragbot.workspace.store import FILE_NAME, Workspace
from tests.apps.browser.conftest import OpenPage, Visit, made_home, served

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def streamlit_home(tmp_path_factory: pytest.TempPathFactory, documents: Path) -> Path:
    home = made_home(tmp_path_factory.mktemp("streamlit"), documents)
    with (home / "ragbot.toml").open("a", encoding="utf-8") as file:
        file.write('[agent]\nllm = "scripted:working"\n')
    return home


@pytest.fixture(scope="module")
def streamlit_url(streamlit_home: Path) -> Iterator[str]:
    with served(streamlit_home, "streamlit") as address:
        yield address


def still_page(page: Page) -> None:
    """Wait until the script has run."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')


def settle(page: Page) -> None:
    """Wait until the script has run and is not run again at once.

    While it is drawn anew the page may hold what was there before as well, and lose what is pressed.
    """
    still = 0
    while still < 4:
        page.wait_for_timeout(100)
        state = page.locator('[data-testid="stApp"]').get_attribute("data-test-script-state")
        still = still + 1 if state == "notRunning" else 0


def ask(page: Page, question: str) -> None:
    settle(page)
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(question)
    box.press("Enter")


def stop(page: Page) -> None:
    """Press Stop until it is heard: a part of the page that is drawn anew between press and release loses both."""
    from playwright.sync_api import TimeoutError as LateError

    button = page.get_by_role("button", name="Stop")
    heard = page.locator("button:disabled", has_text="Stop").or_(page.get_by_text("Stopped.")).first
    for _ in range(3):
        button.click()
        try:
            return heard.wait_for(timeout=15_000)
        except LateError:
            continue
    pytest.fail("Stop was not heard")


def go(visit: Visit, name: str) -> None:
    """Open a page by its name in the side bar's navigation."""
    visit.page.get_by_test_id("stSidebarNavLink").filter(has_text=name).click()
    still_page(visit.page)


def test_an_answer_its_source_a_thumb_and_the_same_page_again(streamlit_url: str, open_page: OpenPage) -> None:
    visit = open_page(streamlit_url)
    page = visit.page
    ask(page, "How tall is the lighthouse of Ravna?")
    marker = page.locator("button.rb-marker").first
    marker.wait_for()
    settle(page)
    assert "47 metres" in page.locator(".rb-answer").inner_text()
    assert "47 metres" in (marker.get_attribute("title") or "")

    # The keyboard opens the source at the passage, and closes it again.
    marker.focus()
    page.keyboard.press("Enter")
    focus = page.locator('[role="dialog"] mark#rb-focus')
    focus.wait_for()
    assert "47 metres" in focus.inner_text()
    assert focus.is_visible()
    page.keyboard.press("Escape")
    focus.wait_for(state="detached")
    settle(page)

    # A thumb opens a place for words, and is there when the page is loaded again, with the conversation.
    page.get_by_label("Thumbs up").click()
    page.get_by_role("button", name="Say more").wait_for()
    settle(page)
    assert "c=" in page.url
    page.reload()
    page.locator("button.rb-marker").first.wait_for()
    page.get_by_role("button", name="Say more").wait_for()
    assert not visit.wider_than_the_window()


def test_an_answer_is_stopped_and_the_page_can_be_used_while_it_grows(streamlit_url: str, open_page: OpenPage) -> None:
    visit = open_page(streamlit_url)
    page = visit.page
    settle(page)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="scripted:slow").click()
    page.keyboard.press("Escape")
    ask(page, "Do camels store water?")
    page.get_by_text("word word word").first.wait_for()
    go(visit, "Search")  # it goes on
    go(visit, "Chat")
    page.get_by_text("word word word").first.wait_for()
    stop(page)
    page.get_by_text("Stopped.").wait_for()
    assert page.get_by_test_id("stChatInputTextArea").is_enabled()


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)])
def test_chinese_hostile_text_and_any_width(streamlit_url: str, open_page: OpenPage, width: int, dark: bool) -> None:
    visit = open_page(streamlit_url, locale="zh-CN", width=width, dark=dark)
    page = visit.page
    page.get_by_text("就您的文档提问。").first.wait_for()
    ask(page, "How fast do pigeons fly home?")
    page.locator(".rb-answered").last.wait_for()
    settle(page)
    page.locator("button.rb-open, button.rb-marker").first.click()
    page.locator('[role="dialog"] .rb-view').wait_for()
    assert page.evaluate("window.hacked") is None
    assert not visit.wider_than_the_window()
    page.keyboard.press("Escape")
    assert visit.nameless() == []


def test_files_are_brought_in_opened_and_searched(streamlit_url: str, open_page: OpenPage, tmp_path: Path) -> None:
    visit = open_page(streamlit_url)
    page = visit.page
    go(visit, "Knowledge")
    settle(page)
    page.get_by_text("Add documents").click()
    (tmp_path / "whales.md").write_text(
        "# Whales\n\nThe blue whale eats four tonnes of krill a day.\n", encoding="utf-8"
    )
    page.locator('input[type="file"]').set_input_files(tmp_path / "whales.md")
    page.get_by_text("whales.md").first.wait_for()
    settle(page)
    page.get_by_role("button", name="Add", exact=True).click()
    title = page.locator("button[data-document]").filter(has_text="Whales")
    title.wait_for()
    settle(page)
    title.click()
    page.locator('[role="dialog"] .rb-view').wait_for()
    page.keyboard.press("Escape")

    go(visit, "Search")
    settle(page)
    page.get_by_label("Search for").fill("krill")
    page.get_by_label("Search for").press("Enter")
    hit = page.locator("button[data-hit]").first
    hit.wait_for()
    settle(page)
    assert "krill" in page.locator(".rb-hits").inner_text()
    hit.click()
    page.locator('[role="dialog"] mark#rb-focus').wait_for()


def test_the_agent_and_evaluations(streamlit_url: str, open_page: OpenPage) -> None:
    visit = open_page(streamlit_url)
    page = visit.page
    go(visit, "Agent")
    settle(page)
    page.get_by_label("Task").fill("How tall is the lighthouse of Ravna?")
    page.get_by_role("button", name="Start").click()
    page.get_by_text("It is 47 metres tall").first.wait_for()
    assert "search_knowledge" in page.locator(".rb-steps").first.inner_text()
    go(visit, "Evaluation")
    page.get_by_text("No evaluation has been run yet").wait_for()


def test_nobody_comes_in_without_a_key_where_there_is_one(tmp_path: Path, documents: Path, open_page: OpenPage) -> None:
    home = made_home(tmp_path, documents)
    workspace = Workspace(home / FILE_NAME)
    _, secret = Keys(workspace).create("ana", Rights())
    workspace.close()
    with served(home, "streamlit") as url:
        assert httpx.get(url, headers={"host": "evil.example"}, trust_env=False).status_code == 403
        for path in ("", "_stcore/host-config", "media/x", "static/index.html"):
            assert httpx.get(url + path, trust_env=False).status_code == 401
        visit = open_page(url, fresh=True)
        page = visit.page
        page.get_by_label("Key").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        page.get_by_text("not a valid key").wait_for()
        page.get_by_label("Key").fill(str(secret))
        page.get_by_role("button", name="Log in").click()
        page.get_by_test_id("stChatInputTextArea").wait_for()
        settle(page)
        page.get_by_role("button", name="Log out").click()
        page.get_by_label("Key").wait_for()
        page.close()

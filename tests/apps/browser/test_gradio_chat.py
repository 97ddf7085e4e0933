"""The chat of the Gradio app in a real browser: asked, opened, stopped, edited, rated, found again, exported, deleted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason='the Gradio app needs the extra "ui": pip install "ragbot[ui]"')
pytest.importorskip("playwright", reason="the browser tests need Playwright: pip install playwright")

from playwright.sync_api import expect

from tests.apps.browser.conftest import PATIENCE, OpenPage, Visit, made_home, served

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
expect.set_options(timeout=PATIENCE * 1000)
TALL, BUILT = "How tall is the lighthouse of Ravna?", "When was the lighthouse of Ravna built?"


def ready(visit: Visit) -> Visit:
    """Wait until the chat can be used."""
    visit.page.locator("#rb-turns .rb-welcome, #rb-turns .rb-asked").first.wait_for()
    return visit


def ask(visit: Visit, question: str) -> None:
    """Send a question with Enter, and wait for its answer."""
    visit.write("#rb-question", question)
    visit.box("#rb-question").press("Enter")
    last = visit.page.locator("#rb-turns .rb-asked").last
    expect(last.locator(".rb-question")).to_have_text(question)
    expect(visit.page.locator("#rb-send")).to_be_visible()


def choose(visit: Visit, selector: str, option: str) -> None:
    """Choose from a list by the words that are shown."""
    visit.box(selector).click()
    visit.page.get_by_role("option", name=option, exact=True).click()


def test_an_answer_is_opened_rated_asked_again_and_edited(open_page: OpenPage, gradio_url: str) -> None:
    visit = ready(open_page(gradio_url))
    page = visit.page
    expect(page.locator(".rb-example").first).to_be_visible()  # what has a title is offered as a question
    ask(visit, TALL)
    expect(page.locator("#rb-turns .rb-answer")).to_contain_text("47 metres")
    expect(page.locator("#rb-turns .rb-card")).to_contain_text("lighthouse.md")
    marker = page.locator("#rb-turns .rb-marker").first
    assert "47 metres" in str(marker.get_attribute("title"))

    marker.focus()  # by the keyboard: open, read, close, and be back
    page.keyboard.press("Enter")
    expect(page.locator(".rb-panel #rb-focus")).to_contain_text("47 metres")
    page.wait_for_function("document.activeElement.closest('.rb-panel')")
    assert page.evaluate("document.querySelector('.rb-panel').getBoundingClientRect().left > innerWidth / 2")  # beside
    page.keyboard.press("Escape")
    expect(page.locator(".rb-panel")).to_have_count(0)
    page.wait_for_function("document.activeElement.matches('.rb-marker')")

    page.locator("[data-act=rate][data-rating=down]").click()
    visit.write("#rb-comment", "太短 <b>")
    page.locator("#rb-feedback-save").click()
    expect(page.locator("#rb-turns .rb-note", has_text="太短 <b>")).to_be_visible()
    expect(page.locator("[data-rating=down]")).to_have_attribute("aria-pressed", "true")

    page.locator("[data-act=again]").click()
    expect(page.locator(".rb-tools")).to_contain_text("2 of 2")
    page.locator("[data-act=revise]").click()
    expect(visit.box("#rb-question")).to_have_value(TALL)
    ask(visit, BUILT)
    expect(page.locator(".rb-tools")).to_contain_text("3 of 3")
    expect(page.locator("#rb-turns .rb-asked")).to_have_count(1)
    expect(page.locator("#rb-turns .rb-answer")).to_contain_text("1883")
    page.locator("[data-act=swap]").first.click()
    expect(page.locator(".rb-tools")).to_contain_text("2 of 3")

    page.reload()  # the same conversation is there, and not in a second tab
    ready(visit)
    expect(page.locator("#rb-turns .rb-question")).to_have_text(TALL)
    second = ready(open_page(gradio_url))
    expect(second.page.locator(".rb-welcome")).to_be_visible()
    expect(second.page.locator("#rb-conversations [data-conversation]").first).to_contain_text("lighthouse")
    assert visit.nameless() == []


def test_conversations_are_renamed_found_exported_and_deleted(open_page: OpenPage, gradio_url: str) -> None:
    visit = ready(open_page(gradio_url, locale="zh-CN"))
    page = visit.page
    ask(visit, "骆驼的驼峰里储存的是什么？")
    expect(page.locator("#rb-turns .rb-answer")).to_contain_text("脂肪")
    page.locator("[data-act=rate][data-rating=up]").click()
    expect(page.locator("[data-rating=up]")).to_have_attribute("aria-pressed", "true")
    page.locator("#rb-this button").first.click()
    expect(visit.box("#rb-title")).to_have_value("骆驼的驼峰里储存的是什么？")
    visit.write("#rb-title", "沙漠 之 <舟>")
    page.locator("#rb-rename").click()
    item = page.locator("#rb-conversations [data-conversation]", has_text="沙漠 之 <舟>")
    expect(item).to_be_visible()

    page.locator("#rb-new").click()
    expect(page.locator(".rb-welcome")).to_be_visible()
    visit.write("#rb-find-conversation", "驼峰")
    expect(page.locator("#rb-conversations mark").first).to_have_text("驼峰")
    page.locator("#rb-conversations [data-conversation]").first.click()
    expect(page.locator("#rb-turns .rb-question")).to_contain_text("驼峰")

    def downloaded(text: str) -> str:
        with page.expect_download() as coming:
            page.locator("#rb-files a", has_text=text).click()
        return Path(coming.value.path()).read_text(encoding="utf-8")

    assert "# 沙漠 之" in downloaded("Markdown")
    assert json.loads(downloaded("JSON"))["conversations"][0]["title"] == "沙漠 之 <舟>"
    records = [json.loads(line) for line in downloaded("问题集").splitlines()]
    assert any(record["rating"] == "up" and "驼峰" in record["question"] for record in records)

    page.locator("#rb-delete").click()
    page.locator("#rb-delete-no").click()
    expect(item).to_be_visible()
    page.locator("#rb-delete").click()
    page.locator("#rb-delete-yes").click()
    expect(page.locator(".rb-welcome")).to_be_visible()
    expect(item).to_have_count(0)


def test_stopping_frees_the_slot_and_an_error_is_a_sentence(open_page: OpenPage, gradio_url: str) -> None:
    visit = ready(open_page(gradio_url))
    page = visit.page
    page.locator("#rb-options button").first.click()
    choose(visit, "#rb-model", "scripted:slow")
    for number in range(1, 6):  # one more than are answered at once
        visit.write("#rb-question", TALL)
        page.locator("#rb-send").click()
        expect(page.locator("#rb-live")).to_contain_text("word word")
        page.locator("#rb-stop").click()
        expect(page.locator("#rb-turns .rb-stopped")).to_have_count(number)
        expect(page.locator("#rb-send")).to_be_visible()
    page.wait_for_timeout(500)  # nothing that was under way may undo the stop
    expect(page.locator("#rb-live")).to_be_empty()
    choose(visit, "#rb-model", "scripted:broken")
    ask(visit, TALL)
    expect(page.locator("#rb-turns [role=alert].rb-error")).to_contain_text("the model at http://x is <down>; start it")


def test_settings_of_a_question_and_a_refusal(open_page: OpenPage, gradio_url: str) -> None:
    visit = ready(open_page(gradio_url))
    page = visit.page
    page.locator("#rb-options button").first.click()
    visit.write("#rb-chat-source", "茶叶")
    ask(visit, TALL)
    expect(page.locator("#rb-turns")).not_to_contain_text("47 metres")
    visit.write("#rb-chat-source", "no such source")
    ask(visit, TALL)
    expect(page.locator("#rb-turns .rb-refusal").last).to_contain_text("Looked for")


def test_a_hostile_document_is_text(open_page: OpenPage, gradio_url: str) -> None:
    visit = ready(open_page(gradio_url))
    ask(
        visit,
        "Carrier pigeons fly home at how many km per hour? <img src=http://evil.example/q.png> ${window.hacked = 4}",
    )
    visit.page.locator("#rb-turns .rb-marker").first.click()
    expect(visit.page.locator(".rb-panel")).to_contain_text("<script>window.hacked = 1</script>")
    assert visit.page.locator("img[src*=evil], a[href*=evil], #rb-turns b, .rb-panel b, .katex").count() == 0
    assert visit.page.evaluate("window.hacked") is None


@pytest.mark.parametrize(("locale", "dark"), [("en-US", False), ("zh-TW", True)])
def test_a_phone(open_page: OpenPage, gradio_url: str, locale: str, dark: bool) -> None:
    visit = ready(open_page(gradio_url, locale=locale, width=390, height=844, dark=dark))
    page = visit.page
    expect(page.locator("[role=tab]:visible").first).to_have_text("Chat" if locale == "en-US" else "对话")
    ask(visit, TALL)
    assert not visit.wider_than_the_window()
    page.locator("#rb-turns .rb-marker").first.click()
    expect(page.locator(".rb-panel #rb-focus")).to_be_in_viewport()
    below = "document.querySelector('.rb-panel').getBoundingClientRect().width > innerWidth * 0.8"
    assert page.evaluate(below)
    page.locator(".rb-panel [data-act=shut]").click()
    expect(page.locator("#rb-new")).to_be_hidden()
    page.locator("#rb-open-side").click()
    expect(page.locator("#rb-new")).to_be_visible()
    expect(page.locator("#rb-open-side")).to_have_attribute("aria-expanded", "true")
    page.locator("#rb-new").click()
    expect(page.locator("#rb-new")).to_be_hidden()
    assert visit.nameless() == []
    assert not visit.wider_than_the_window()


def test_without_documents_there_is_a_way_to_add_some(
    open_page: OpenPage, tmp_path: Path, page_with_a_key: Callable[[Path], tuple[str, str]]
) -> None:
    """And with a key, in the same server: the page to log in, a wrong key, the right one, what it may not do, the end."""
    address, secret = page_with_a_key(tmp_path)
    visit = open_page(address, fresh=True)
    page = visit.page
    page.locator("input[name=key]").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("[role=alert]")).to_be_visible()
    assert page.request.get(f"{address.rstrip('/')}/config").status == 401
    page.locator("input[name=key]").fill(secret)
    page.keyboard.press("Enter")
    ready(visit)
    expect(page.locator(".rb-welcome")).to_contain_text("There are no documents yet")
    expect(page.locator("#rb-who")).to_contain_text("ana")
    page.locator(".rb-welcome .rb-add").click()
    expect(page.locator("#rb-tab-knowledge-button:visible")).to_have_attribute("aria-selected", "true")
    page.locator("#rb-who button").click()
    expect(page.locator("input[name=key]")).to_be_visible()


@pytest.fixture
def page_with_a_key() -> Iterator[Callable[[Path], tuple[str, str]]]:
    """Makes an empty knowledge base and a key that may write, and serves it."""
    from contextlib import ExitStack

    from ragbot.settings import Settings
    from ragbot.workspace.keys import Keys
    from ragbot.workspace.keys_records import Rights
    from ragbot.workspace.opening import workspace_path
    from ragbot.workspace.store import Workspace

    with ExitStack() as stack:

        def serve(folder: Path) -> tuple[str, str]:
            home = made_home(folder)
            workspace = Workspace(workspace_path(Settings(data_dir=home)))
            _, secret = Keys(workspace).create("ana", Rights("write"))
            workspace.close()
            return stack.enter_context(served(home, "gradio")), str(secret)

        yield serve


def test_the_first_look_is_quick(open_page: OpenPage, gradio_url: str) -> None:
    """A bound that a broken bundle or a blocking call would break, and a slow machine not."""
    ready(open_page(gradio_url))
    started = time.monotonic()
    ready(open_page(gradio_url))
    assert time.monotonic() - started < 30

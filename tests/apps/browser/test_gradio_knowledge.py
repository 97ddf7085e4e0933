"""The knowledge tab in a real browser: bases made and deleted, files and pages brought in, documents looked into."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("gradio", reason='the Gradio app needs the extra "ui": pip install "ragbot[ui]"')
pytest.importorskip("playwright", reason="the browser tests need Playwright: pip install playwright")

from playwright.sync_api import expect

from tests.apps.browser.conftest import DOCUMENTS, PATIENCE, OpenPage, Visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
expect.set_options(timeout=PATIENCE * 1000)


def knowledge(visit: Visit) -> Visit:
    """Open the tab, and wait until it is filled."""
    visit.tab("knowledge")
    visit.page.locator("#rb-documents .rb").wait_for()
    return visit


def test_documents_are_found_opened_tagged_and_deleted(open_page: OpenPage, workshop: tuple[str, Path]) -> None:
    visit = knowledge(open_page(workshop[0]))
    page, table = visit.page, visit.page.locator("#rb-documents")
    expect(table.locator("tbody tr")).to_have_count(len(DOCUMENTS))
    assert visit.nameless() == []

    visit.write("#rb-contains", "LIGHTHOUSE")
    expect(table.locator("tbody tr")).to_have_count(1)
    visit.write("#rb-contains", "nowhere")
    expect(table).to_contain_text("No document fits")
    visit.write("#rb-contains", "龙井")
    title = table.get_by_role("button", name="龙井茶")
    title.focus()
    page.keyboard.press("Enter")

    text = page.locator("#rb-document-text")
    expect(text).to_contain_text("八十度的热水")
    expect(page.locator("#rb-overview")).not_to_be_visible()
    assert text.locator("[data-chunk]").count() == 0
    page.get_by_label("Show the borders of the passages").check()
    expect(text.locator("[data-chunk]").first).to_be_visible()
    visit.write("#rb-its-tags", "Tee, 绿茶")
    page.locator("#rb-save-tags").click()
    expect(page.locator("#rb-document-head")).to_contain_text("#绿茶")
    assert visit.nameless() == []

    page.locator("#rb-delete").click()
    expect(page.locator("#rb-delete-asking")).to_contain_text("龙井茶")
    page.locator("#rb-delete-no").click()
    expect(page.locator("#rb-delete-yes")).not_to_be_visible()
    page.locator("#rb-delete").click()
    page.locator("#rb-delete-yes").click()
    expect(table).to_contain_text("No document fits")  # the filter is still there
    visit.write("#rb-contains", "")
    expect(table.locator("tbody tr")).to_have_count(len(DOCUMENTS) - 1)
    assert visit.page.evaluate("window.hacked") is None
    assert page.locator("#rb-documents :is(img, b, a[href*=evil])").count() == 0


def test_a_base_is_made_filled_and_deleted(open_page: OpenPage, workshop: tuple[str, Path], tmp_path: Path) -> None:
    good, bad, name = tmp_path / "月球 站.md", tmp_path / "broken.pdf", "新-base"
    good.write_text("# 月球站\n\n月球站的指令长是林小雨，她在二零三一年上任。\n", encoding="utf-8")
    bad.write_bytes(b"%PDF-1.7 broken")
    visit = knowledge(open_page(workshop[0], locale="zh-CN"))
    page, table = visit.page, visit.page.locator("#rb-documents")
    page.get_by_role("button", name="知识库").last.click()
    expect(page.locator("#rb-bases-table")).to_contain_text("default")  # the tab has all that it asked for
    visit.write("#rb-base-name", "../x")
    page.locator("#rb-base-make").click()
    expect(page.locator(".toast-body")).to_contain_text("../x")
    visit.write("#rb-base-name", name)
    page.locator("#rb-base-make").click()
    expect(table).to_contain_text("还没有任何文档")
    assert visit.box("#rb-kb").input_value() == name

    visit.write("#rb-tags", "月球")
    page.locator("#rb-upload input[type=file]").set_input_files([good, bad])
    report = page.locator("#rb-finished")
    expect(report).to_contain_text("broken.pdf")
    expect(report).to_contain_text("已完成")
    expect(table.get_by_role("button", name="月球站")).to_be_visible()
    expect(table).to_contain_text("#月球")
    assert [path.name for path in (workshop[1] / "kb" / name / "uploads").iterdir()] == [good.name]

    visit.write("#rb-urls", "http://10.0.0.1/secret ftp://x")
    page.locator("#rb-add-urls").click()
    expect(page.locator(".toast-body").last).to_contain_text("ftp")
    visit.write("#rb-urls", "http://127.0.0.1/secret")
    page.locator("#rb-add-urls").click()
    expect(report.locator(".rb-job")).to_have_count(2)
    expect(report.locator(".rb-job").first).to_contain_text("127.0.0.1")

    page.reload()  # the reports are still there, and the base is chosen again
    visit.box("#rb-kb").wait_for()
    knowledge(visit)
    visit.box("#rb-kb").click()
    page.get_by_role("option", name=name, exact=True).click()
    expect(report.locator(".rb-job")).to_have_count(2)
    report.get_by_role("button", name="清除这些报告").click()
    expect(report.locator(".rb-job")).to_have_count(0)
    table.get_by_role("button", name="月球站").click()
    page.locator("#rb-again").click()
    expect(report.locator(".rb-job")).to_have_count(1)

    page.get_by_role("button", name="知识库").last.click()
    visit.write("#rb-base-typed", "default")
    page.locator("#rb-base-delete").click()
    expect(page.locator(".toast-body").last).to_contain_text(name)
    visit.write("#rb-base-typed", name)
    page.locator("#rb-base-delete").click()
    expect(table).to_contain_text("lighthouse.md")
    assert not (workshop[1] / "kb" / name).exists()


def test_a_job_is_watched_and_cancelled(open_page: OpenPage, workshop: tuple[str, Path], tmp_path: Path) -> None:
    files = [tmp_path / f"note {n:03}.md" for n in range(150)]
    for n, file in enumerate(files):
        file.write_text(f"# Note {n}\n\n" + f"Line {n} of a note that is read slowly. " * 400, encoding="utf-8")
    visit = knowledge(open_page(workshop[0]))
    page, working = visit.page, visit.page.locator("#rb-working")
    page.locator("#rb-upload input[type=file]").set_input_files(files)
    expect(working.locator("progress")).to_be_visible()
    page.reload()  # it goes on without the page
    knowledge(visit)
    expect(working.locator("progress")).to_be_visible()
    expect(working).to_contain_text("of 150")
    working.get_by_role("button", name="Cancel").click()
    expect(page.locator("#rb-finished")).to_contain_text("cancelled")
    expect(working.locator("progress")).to_have_count(0)
    assert len(list((workshop[1] / "kb" / "default" / "uploads").iterdir())) < 150


@pytest.mark.parametrize(("locale", "dark", "word"), [("en-US", True, "Find documents"), ("zh-CN", False, "查找文档")])
def test_on_a_phone(open_page: OpenPage, workshop: tuple[str, Path], locale: str, dark: bool, word: str) -> None:
    visit = knowledge(open_page(workshop[0], locale=locale, width=390, height=844, dark=dark))
    expect(visit.page.locator("#rb-filters")).to_contain_text(word)
    assert not visit.wider_than_the_window()
    assert visit.nameless() == []
    visit.page.locator("#rb-documents .rb-link").first.click()
    visit.page.locator("#rb-document-text .rb").wait_for()
    assert not visit.wider_than_the_window()
    visit.page.locator("#rb-back").click()
    expect(visit.page.locator("#rb-documents table")).to_be_visible()

"""The evaluation tab in a real browser: a set chosen, runs watched and stopped, compared, and their reports opened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason='the Gradio app needs the extra "ui": pip install "ragbot[ui]"')
pytest.importorskip("playwright", reason="the browser tests need Playwright: pip install playwright")
pytest.importorskip("ir_measures", reason='evaluations need the extra "eval": pip install "ragbot[eval]"')

from playwright.sync_api import expect

from tests.apps.browser.conftest import PATIENCE, OpenPage, Visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
expect.set_options(timeout=PATIENCE * 1000)
LINES = [
    {"id": "1", "question": "How tall is the lighthouse of Ravna?", "answers": ["47 metres"], "source": "lighthouse.md",
     "evidence": "The lighthouse of Ravna is 47 metres tall"},
    {"id": "2", "question": "骆驼的驼峰里储存的是什么？", "answers": ["脂肪"], "source": "骆驼.txt"},
    {"id": "3", "question": "Who built the moon?", "answerable": False},
]  # fmt: skip


def evaluation(visit: Visit) -> Visit:
    """Open the tab, and wait until it is filled."""
    visit.tab("evaluation")
    visit.page.locator("#rb-runs .rb").wait_for()
    return visit


def send(visit: Visit, file: Path) -> None:
    """Add a question set, as a person does."""
    with visit.page.expect_file_chooser() as asked:
        visit.page.locator("#rb-eval-upload").click()
    asked.value.set_files(file)


def test_a_set_is_run_twice_compared_and_reported(
    open_page: OpenPage, workshop: tuple[str, Path], tmp_path: Path
) -> None:
    questions, broken = tmp_path / "我的问题.jsonl", tmp_path / "broken.jsonl"
    questions.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in LINES), encoding="utf-8")
    broken.write_text("no set\n", encoding="utf-8")
    visit = evaluation(open_page(workshop[0]))
    page, progress = visit.page, visit.page.locator("#rb-eval-progress")
    expect(page.locator("#rb-runs")).to_contain_text("yet")
    send(visit, broken)
    expect(page.locator(".toast-body").last).to_contain_text("broken.jsonl")
    send(visit, questions)
    expect(visit.box("#rb-eval-set")).to_have_value("我的问题.jsonl · yours · 3 questions")
    assert visit.nameless() == []

    page.locator("#rb-eval-go").click()
    expect(progress).to_contain_text("3 questions in")
    expect(page.locator("#rb-eval-live")).to_contain_text("mrr@10")
    expect(page.locator("#rb-runs .rb-link")).to_have_count(1)
    page.locator("#rb-eval-settings button").first.click()
    visit.write("#rb-eval-options", "retrieval.topk = 1")
    page.locator("#rb-eval-go").click()
    expect(page.locator(".toast-body").last).to_contain_text("retrieval.topk")
    visit.write("#rb-eval-options", "retrieval.top_k = 1")
    page.wait_for_timeout(1100)  # runs are named by the second
    page.locator("#rb-eval-go").click()
    expect(page.locator("#rb-runs .rb-link")).to_have_count(2)

    page.locator("#rb-runs .rb-link").first.click()
    expect(page.locator("#rb-run-figures")).to_contain_text("95%")
    with page.context.expect_page() as opened:
        page.locator("#rb-run-report a").click()
    report = opened.value
    expect(report.locator("h1").first).to_be_visible()
    expect(report.get_by_text("Who built the moon?").first).to_be_attached()
    assert report.evaluate("origin") == "null"  # it cannot reach the app
    report.close()
    for selector, number in (("#rb-compare-before", 1), ("#rb-compare-after", 0)):
        visit.box(selector).click()
        page.get_by_role("option").nth(number).click()
    page.locator("#rb-compare-go").click()
    expect(page.locator("#rb-comparison table").first).to_be_visible()
    assert visit.nameless() == []


def test_a_run_is_stopped_and_goes_on(open_page: OpenPage, workshop: tuple[str, Path], tmp_path: Path) -> None:
    questions = tmp_path / "many.jsonl"
    lines = [
        {**LINES[0], "id": str(n), "question": f"How slowly was the lighthouse of Ravna built, {n}?"}
        for n in range(400)
    ]
    questions.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    visit = evaluation(open_page(workshop[0], locale="zh-CN"))
    page, progress = visit.page, visit.page.locator("#rb-eval-progress")
    send(visit, questions)
    expect(visit.box("#rb-eval-set")).to_have_value("many.jsonl · 自有 · 400 个问题")
    page.locator("#rb-eval-go").click()
    expect(progress).to_contain_text("400 个问题")
    page.reload()  # it goes on without the page
    evaluation(visit)
    expect(progress).to_contain_text("提问中")
    page.locator("#rb-eval-stop").click()
    expect(progress).to_contain_text("已停止")
    page.locator("#rb-runs .rb-link").first.click()
    page.locator("#rb-eval-resume").click()
    expect(progress).to_contain_text("提问中")
    page.locator("#rb-eval-stop").click()
    expect(progress).to_contain_text("已停止")


@pytest.mark.parametrize(("locale", "dark"), [("en-US", True), ("zh-CN", False)])
def test_on_a_phone(open_page: OpenPage, workshop: tuple[str, Path], locale: str, dark: bool) -> None:
    visit = evaluation(open_page(workshop[0], locale=locale, width=390, height=844, dark=dark))
    assert not visit.wider_than_the_window()
    visit.page.locator("#rb-runs .rb-link").first.click()
    expect(visit.page.locator("#rb-run-figures table")).to_be_visible()
    assert not visit.wider_than_the_window()
    assert visit.nameless() == []

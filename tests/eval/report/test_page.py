"""The page in a browser, opened from a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("jinja2", reason='reports need the extra "eval": pip install "ragbot[eval]"')
pytest.importorskip("matplotlib", reason='reports need the extra "eval": pip install "ragbot[eval]"')

from eval.contrast import contrast
from eval.records import Run
from eval.report import write_report
from eval.summary import summarize

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM_HINT = "no Chromium: apt-get install chromium fonts-noto-cjk, or set RAGBOT_CHROMIUM to its path"
Open = Callable[..., "Visit"]


@dataclass
class Visit:
    """A page, every address it asked for, and what its console said."""

    page: Page
    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def questions(self) -> list[str]:
        return self.page.locator("#table .open").all_inner_texts()

    def count(self) -> str:
        return self.page.locator("#count").inner_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("RAGBOT_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        path = ""
    if not path or not Path(path).exists():
        (pytest.fail if os.environ.get("CI", "").lower() in {"1", "true"} else pytest.skip)(CHROMIUM_HINT)
    flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    contexts = []

    def open_page(run: Run, width: int = 1280, against: Any = None, language: Any = "en", script: bool = True) -> Visit:
        path = tmp_path / "report.html"
        write_report(run, summarize(run.rows, 50), path, against, language)
        viewport: Any = {"width": width, "height": 900}
        context = browser.new_context(viewport=viewport, java_script_enabled=script)
        contexts.append(context)
        visit = Visit(context.new_page())
        visit.page.on("request", lambda request: visit.requests.append(request.url))
        visit.page.on("console", lambda message: visit.console.append(message.text))
        visit.page.on("pageerror", lambda error: visit.console.append(str(error)))
        visit.page.goto(path.as_uri())
        return visit

    yield open_page
    for context in contexts:
        context.close()


def test_hostile_text_does_nothing(make_run: Callable[..., Run], hostile: str, visit: Open) -> None:
    run = make_run(8, hostile=True, name=hostile)
    seen = visit(run, against=contrast(make_run(8, shift=1, name=hostile), run, rounds=50))
    page = seen.page
    assert page.locator("h1").inner_text().startswith("</script><img")
    for button in page.locator("#table .open").all():
        button.click()
    assert page.locator("tr.detail:visible").count() == len(run.rows)
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hacked") is None
    assert page.locator("#detail-8 .said").inner_text().startswith("</script><img")
    assert "Boom" in page.locator("#detail-9 .failed").inner_text()
    assert all(url.startswith(("file:", "data:")) for url in seen.requests)
    assert seen.console == []


def test_filters_and_search(make_run: Callable[..., Run], visit: Open) -> None:
    seen = visit(make_run(30))
    page = seen.page
    assert len(seen.questions()) == 30
    assert seen.count() == "1–30 of 30"
    page.locator("[data-outcome=wrong]").click()
    wrong = seen.questions()
    assert 0 < len(wrong) < 30
    assert set(page.locator("tr.row td.outcome").all_inner_texts()) == {"Wrong"}
    page.get_by_role("button", name="All 30").click()
    page.get_by_label("language", exact=False).first.select_option("zh")
    assert len(seen.questions()) == 15
    page.get_by_role("searchbox", name="Search").fill("龙井茶 （7）")
    page.get_by_text("1–1 of 1", exact=True).wait_for()
    assert seen.questions() == ["龙井茶产于哪里？（7）"]
    page.get_by_role("searchbox", name="Search").fill("no such words")
    page.get_by_text("No question fits.").wait_for()
    assert seen.console == []


def test_a_row_opens_by_the_keyboard(make_run: Callable[..., Run], visit: Open) -> None:
    seen = visit(make_run(12))
    page = seen.page
    button = page.locator("#table .open").nth(1)
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    detail = page.locator("#detail-1")
    assert detail.locator("ol .item.gold").count() == 1
    assert detail.locator("ol .item.gold mark").inner_text() == "浙江杭州"
    assert "zh/1.md 100–" in detail.locator("ol .item.gold .where").inner_text()
    assert detail.locator(".said mark").inner_text() == "浙江杭州"
    assert detail.locator("sup.marker").inner_text() == "[1]"
    page.keyboard.press("Enter")
    assert not detail.is_visible()


def test_sorting_puts_what_is_missing_last(make_run: Callable[..., Run], visit: Open) -> None:
    page = visit(make_run(24)).page
    page.get_by_role("button", name="f1", exact=True).click()
    values = page.locator("tr.row td[data-label='f1']").all_inner_texts()
    assert values == sorted(values)
    assert page.locator("th[data-sort='f1']").get_attribute("aria-sort") == "ascending"
    page.get_by_role("button", name="f1", exact=True).click()
    cells = page.locator("tr.row").evaluate_all("rows => rows.map(row => row.cells[4].innerText)")
    shown = [text for text in cells if text]
    assert len(shown) < len(cells)
    assert cells[: len(shown)] == sorted(shown, reverse=True)


def test_five_thousand_questions_in_pages(make_run: Callable[..., Run], visit: Open) -> None:
    seen = visit(make_run(5000))
    page = seen.page
    assert len(seen.questions()) == 50
    page.get_by_role("button", name="Next").click()
    assert seen.count() == "51–100 of 5000"
    page.get_by_role("searchbox", name="Search").fill("(4998)")
    page.get_by_text("1–1 of 1", exact=True).wait_for()
    assert page.get_by_role("button", name="Next").is_disabled()


def test_a_flip_leads_to_its_question(make_run: Callable[..., Run], visit: Open) -> None:
    run = make_run(120)
    page = visit(run, against=contrast(make_run(120, shift=1, name="old"), run, rounds=50)).page
    page.get_by_text("Flipped questions").click()
    page.locator("[data-outcome=right]").click()
    link = page.locator("[data-question]").last
    order = next(i for i, row in enumerate(run.rows) if row.question.id == link.get_attribute("data-question"))
    link.click()
    assert page.locator(f"#detail-{order}").is_visible()
    assert page.locator(f"[data-order='{order}'] .open").evaluate("element => element === document.activeElement")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out(make_run: Callable[..., Run], visit: Open, width: int, language: str) -> None:
    run = make_run(30, hostile=True)
    page = visit(run, width, contrast(make_run(30, shift=1), run, rounds=50), language).page
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
    for button in page.locator("#table .open").all()[:3]:
        button.click()
    page.locator("#table .open").last.click()
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_without_scripts_it_says_so(make_run: Callable[..., Run], visit: Open) -> None:
    page = visit(make_run(6), script=False).page
    assert page.locator("noscript p").is_visible()
    assert not page.locator("#browser").is_visible()
    assert page.get_by_role("heading", name="Figures").is_visible()


def test_runs_that_lack_things(make_run: Callable[..., Run], visit: Open) -> None:
    whole = make_run()
    baseline = Run(whole.manifest, tuple(type(row)(row.question, None, row.metrics) for row in whole.rows))
    said = {"search": (make_run(mode="search"), "No answer was asked for."), "base": (baseline, "was not kept")}
    for run, sentence in said.values():
        seen = visit(run)
        seen.page.locator("#table .open").first.click()
        assert sentence in seen.page.locator("#detail-0").inner_text()
        assert seen.console == []
    seen = visit(make_run(0))
    assert seen.page.get_by_text("No question was asked.").is_visible()
    assert seen.console == []

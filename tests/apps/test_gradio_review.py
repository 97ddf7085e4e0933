"""The review page in a real browser, and the file that it writes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

pytest.importorskip("gradio", reason='the Gradio app needs the extra "ui": pip install "ragbot[ui]"')

from apps import gradio_review_html as html
from apps.gradio_review import build_review, launch_review
from apps.gradio_review_file import Progress, ReviewFile
from eval.datasets.jsonl import read_jsonl
from ragbot.documents import ParsedDocument
from ragbot.errors import SourceError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]
CHROMIUM_HINT = "no Chromium: apt-get install chromium fonts-noto-cjk, or set RAGBOT_CHROMIUM to its path"
TEXT = "The lighthouse of Ravna <b>stands</b> alone. It is 47 metres tall & white. Nobody lives there."
EVIDENCE = "It is 47 metres tall & white."
TEA = "龙井茶产于杭州。冲泡宜用八十度的热水。"
DOCUMENTS = {
    "light.md": ParsedDocument(TEXT, "The Lighthouse", "md", "en"),
    "茶.md": ParsedDocument(TEA, "龙井茶", "md", "zh"),
}
RECORDS: list[dict[str, Any]] = [
    {"id": "1", "question": "How tall is it?", "answers": ["47 metres"], "source": "light.md", "evidence": EVIDENCE},
    {"id": "2", "question": "用多少度的水？", "answers": ["八十度"], "source": "茶.md", "evidence": "冲泡宜用八十度的热水。"},
    {"id": "3", "question": "Who painted it?", "answerable": False, "answers": [], "source": None, "note": "kept as is"},
]  # fmt: skip


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "my set.jsonl"
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS), encoding="utf-8")
    return path


def stored(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_decisions_are_stored_at_once_and_nothing_else_changes(questions: Path) -> None:
    file = ReviewFile(questions)
    assert file.next_open(-1) == 0
    file.decide(0, "kept")
    assert stored(questions) == [{**RECORDS[0], "review": "kept"}, *RECORDS[1:]]
    file.decide(2, "dropped")
    file.edit(1, "水温多少？", ["八十度", "80 度"])
    assert stored(questions)[1] == {**RECORDS[1], "question": "水温多少？", "answers": ["八十度", "80 度"]}
    assert file.progress() == Progress(3, 1, 1)
    assert file.next_open(2) == 1
    file.decide(1, "kept")
    assert file.next_open(0) is None
    assert [question.id for question in read_jsonl(questions).questions] == ["1", "2"]
    assert [entry.name for entry in questions.parent.iterdir()] == [questions.name]


def test_a_file_that_shrank_or_is_no_set_is_said(questions: Path) -> None:
    with pytest.raises(SourceError, match="no question 9 any more"):
        ReviewFile(questions).decide(8, "kept")
    questions.write_text('{"id": "1"}\n')
    with pytest.raises(SourceError, match="line 1: a question"):
        launch_review(questions, {}, "127.0.0.1", 0, "en", block=False)


def test_the_passage_marks_the_answer_and_escapes_the_rest() -> None:
    shown = html.passage(RECORDS[0], DOCUMENTS, "en")
    assert '<span class="rb-evidence">It is <mark>47 metres</mark> tall &#38; white&#46;</span>' in shown
    assert "<b>" not in shown
    assert "&#60;b&#62;stands" in shown
    assert "The Lighthouse" in shown
    assert "should not answer" in html.passage(RECORDS[2], DOCUMENTS, "en")
    missing = html.passage({**RECORDS[0], "source": "gone.md"}, DOCUMENTS, "en")
    assert "was not found" in missing
    assert "47 metres" in missing


def test_offsets_choose_among_places_and_wrong_ones_are_not_believed() -> None:
    twice = {"a.md": ParsedDocument("same. One same. Two same.")}
    record = {"question": "?", "answers": ["same"], "source": "a.md", "evidence": "same.", "start": 20, "end": 25}
    assert "Two </span>" in html.passage(record, twice, "en")
    assert '<span class="rb-around"></span>' in html.passage({**record, "start": 3}, twice, "en")


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


def serve(browser: Browser, path: Path, language: str, locale: str) -> Iterator[Page]:
    blocks = launch_review(path, DOCUMENTS, "127.0.0.1", 0, language, block=False, folder=Path("my docs"))
    context = browser.new_context(locale=locale)
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(str(blocks.local_url))
    yield page
    context.close()
    blocks.close(verbose=False)


def test_a_whole_review_with_the_keyboard_and_the_mouse(browser: Browser, questions: Path) -> None:
    for page in serve(browser, questions, "en", "en-US"):
        page.get_by_text("Question 1 of 3 · 0 kept, 0 dropped").wait_for()
        assert page.locator("#rb-review-passage mark").inner_text() == "47 metres"
        page.locator("#rb-review-question textarea").fill("How tall is the kd lighthouse?")
        page.locator("#rb-review-question textarea").press("d")  # typing decides nothing
        page.locator("#rb-review-save").click()
        page.get_by_text("Saved").first.wait_for()
        assert "review" not in stored(questions)[0]
        assert stored(questions)[0]["question"].startswith("How tall is the")
        page.locator("#rb-review-keep").focus()
        page.keyboard.press("Enter")
        page.get_by_text("Question 2 of 3 · 1 kept, 0 dropped").wait_for()
        assert stored(questions)[0]["review"] == "kept"
        page.locator("#rb-review-answers textarea").fill(" ")
        page.locator("#rb-review-keep").click()
        page.get_by_text("at least one answer").wait_for()
        assert "review" not in stored(questions)[1]
        page.locator("#rb-review-skip").click()
        page.get_by_text("Question 3 of 3").wait_for()
        assert not page.locator("#rb-review-answers").is_visible()
        page.locator("#rb-review-back").click()
        page.get_by_text("Question 2 of 3").wait_for()
        page.locator("#rb-review-progress").click()
        page.keyboard.press("d")
        page.get_by_text("Question 3 of 3 · 1 kept, 1 dropped").wait_for()
        page.keyboard.press("k")
        page.get_by_text("Every question is decided").wait_for()
        assert page.locator(".rb-next code").inner_text() == f"ragbot eval run '{questions}' --documents 'my docs'"
        assert [record["review"] for record in stored(questions)] == ["kept", "dropped", "kept"]
        assert stored(questions)[1]["answers"] == ["八十度"]
        page.locator("#rb-review-first").click()
        page.get_by_text("Question 1 of 3 · 2 kept, 1 dropped").wait_for()


def test_chinese_page_and_the_empty_set(browser: Browser, questions: Path) -> None:
    for page in serve(browser, questions, "zh", "zh-CN"):
        page.get_by_text("第 1 题，共 3 题 · 保留 0，舍弃 0").wait_for()
        assert page.locator("#rb-review-keep").inner_text() == "保留"
    questions.write_text("", encoding="utf-8")
    for page in serve(browser, questions, "zh", "zh-CN"):
        page.get_by_text("没有可审阅的问题").wait_for()
        assert not page.locator("#rb-review-keep").is_visible()


def test_other_sites_are_kept_out(questions: Path) -> None:
    blocks = launch_review(questions, DOCUMENTS, "127.0.0.1", 0, "en", block=False)
    try:
        with httpx.Client(base_url=str(blocks.local_url), trust_env=False) as client:
            assert client.get("/").status_code == 200
            assert "content-security-policy" in client.get("/").headers
            assert client.get("/", headers={"Host": "evil.example"}).status_code == 403
    finally:
        blocks.close(verbose=False)


def test_an_unknown_language_is_english(questions: Path) -> None:
    assert build_review(questions, DOCUMENTS, "fr").title == "Review of questions"

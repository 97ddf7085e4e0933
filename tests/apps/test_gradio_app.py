"""The Gradio app in a real browser, over a real server on the loopback and a small knowledge base of our own."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("gradio", reason='the Gradio app needs the extra "ui": pip install "ragbot[ui]"')

from apps import gradio_html as html
from apps import gradio_uploads as uploads
from apps.gradio_app import launch
from apps.gradio_text import LANGUAGES, texts
from ragbot.bot import RagBot
from ragbot.documents import Answer, Citation
from ragbot.errors import GenerationError
from ragbot.models.testing import ScriptedChatModel
from ragbot.settings import GenerationSettings, Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

HOSTILE = """# Pigeons & <b>bold</b> [link](http://evil.example/l)

Carrier pigeons <script>window.hacked = 1</script> fly home <img src=http://evil.example/a.png onerror="window.hacked=2">
at ninety km per hour ![picture](http://evil.example/b.png) and $$x$$ https://evil.example/c rest at night.
"""
DOCUMENTS = {
    "茶叶.md": "# 龙井茶\n\n## 产地\n\n龙井茶产于浙江杭州西湖一带，已有一千二百余年历史。\n\n## 冲泡\n\n冲泡龙井茶宜用八十度的热水。\n",
    "骆驼.txt": "骆驼的驼峰里储存的是脂肪，而不是水。骆驼可以两个星期不喝水。\n",
    "lighthouse.md": "# The Lighthouse of Ravna\n\n## Height\n\nThe lighthouse of Ravna is 47 metres tall and was built in 1883.\n",
    "pigeons.md": HOSTILE,
}
#: Gradio's own use of pandas, in a thread of its queue.
pytestmark = [
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]
ANSWERED, REFUSED = "How tall is the lighthouse of Ravna?", "Which football club won the 2019 championship?"
CHROMIUM_HINT = "no Chromium: apt-get install chromium fonts-noto-cjk, or set RAGBOT_CHROMIUM to its path"


@dataclass
class Site:
    """A running app."""

    url: str
    bot: RagBot


@dataclass
class Visit:
    """A page, and every address it asked for."""

    page: Page
    requests: list[str] = field(default_factory=list)

    def ask(self, question: str) -> str:
        """Send a question with Enter; returns the HTML-free text of the finished reply."""
        before = self.page.locator(".rb-question").count()
        self.page.locator("#rb-question textarea").fill(question)
        self.page.locator("#rb-question textarea").press("Enter")
        self.page.wait_for_function(
            "n => [...document.querySelectorAll('.message.bot')].slice(n).some("
            "m => m.querySelector('.rb-answer:not(.rb-running), .rb-banner'))",
            arg=before,
        )
        return self.page.locator(".message.bot").last.inner_text()

    def tab(self, number: int) -> None:
        """Open a tab: 0 chat, 1 documents, 2 search."""
        self.page.locator("[role=tab]:visible").nth(number).click()


class SlowModel(ScriptedChatModel):
    """Writes slowly and without end; ``closed`` is set when it is told to stop."""

    closed: Any = None

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        try:
            for piece in super()._stream(*args, **kwargs):
                yield piece
                time.sleep(0.05)
        finally:
            self.closed.set()


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


def _open(folder: Path, **options: Any) -> RagBot:
    """Nothing is refused as unlikely: where that line lies is a matter of measurements, and not of the app."""
    return RagBot.open(folder, settings=Settings(generation=GenerationSettings(min_confidence=0.0)), **options)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("documents")
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    with _open(tmp_path_factory.mktemp("kb"), llm="extractive") as bot:
        bot.ingest(folder)
        yield from _serve(bot)


def _serve(bot: RagBot) -> Iterator[Site]:
    blocks = launch(bot, "127.0.0.1", 0, block=False)
    yield Site(str(blocks.local_url), bot)
    blocks.close(verbose=False)


@pytest.fixture(scope="module")
def english(browser: Browser) -> BrowserContext:
    """One for most tests: what a browser has fetched once, it keeps."""
    return browser.new_context(locale="en-US")


@pytest.fixture
def visit(english: BrowserContext, site: Site) -> Iterator[Visit]:
    yield from _visit(english, site.url)


def _visit(context: BrowserContext, url: str) -> Iterator[Visit]:
    context.set_default_timeout(15_000)
    visit = Visit(context.new_page())
    visit.page.on("request", lambda request: visit.requests.append(request.url))
    visit.page.goto(url)
    visit.page.locator("#rb-question textarea").wait_for()
    visit.page.locator(".rb-welcome").wait_for()
    yield visit
    outside = [address for address in visit.requests if not re.match(rf"{re.escape(url)}|data:|blob:", address)]
    visit.page.close()
    assert not outside


@pytest.mark.parametrize(
    ("language", "tab", "welcome"), [("en-US", "Chat", "Ask your"), ("zh-HK", "对话", "向你的文档")]
)
def test_first_paint_is_the_chat_in_the_browsers_language(
    browser: Browser, site: Site, language: str, tab: str, welcome: str
) -> None:
    for visit in _visit(browser.new_context(locale=language), site.url):
        assert visit.page.locator("[role=tab]:visible").first.inner_text() == tab
        assert welcome in visit.page.locator(".rb-welcome").inner_text()
        assert visit.page.locator("#rb-header p:visible").count() == 1


def test_every_control_has_a_name(visit: Visit) -> None:
    nameless = (
        "e => !(e.ariaLabel || e.innerText.trim() || e.title || [...(e.labels || [])].some(l => l.innerText.trim()))"
    )
    for tab in range(3):
        visit.tab(tab)
        visit.page.wait_for_timeout(200)
        found = visit.page.evaluate(
            f"[...document.querySelectorAll('button, textarea, select, input:not([type=file])')]"
            f".filter(e => e.offsetParent && ({nameless})(e)).map(e => e.outerHTML)"
        )
        assert found == []


def test_chinese_question_is_answered_with_the_quote_on_the_page(visit: Visit) -> None:
    reply = visit.ask("骆驼的驼峰里储存的是什么？")
    assert "脂肪" in reply
    assert "[1]" in reply
    card = visit.page.locator(".rb-card").first
    assert "骆驼.txt" in card.inner_text()
    assert card.locator("blockquote").inner_text() in DOCUMENTS["骆驼.txt"]
    card.locator("summary").click()
    assert not card.locator("blockquote").is_visible()


def test_english_question_and_a_refusal_in_one_conversation(
    visit: Visit, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "47 metres" in visit.ask(ANSWERED)
    assert "lighthouse.md" in visit.page.locator(".rb-card").first.inner_text()
    with monkeypatch.context() as strict:
        strict.setattr(site.bot, "_chain", replace(site.bot.chain, min_confidence=1.0))
        reply = visit.ask(REFUSED)
    assert "No answer" in reply
    assert visit.page.locator(".rb-refusal").is_visible()
    assert visit.page.locator(".rb-question").count() == 2
    visit.page.get_by_role("button", name="Undo").click()
    visit.page.wait_for_function("document.querySelectorAll('.rb-question').length === 1")
    visit.page.get_by_role("button", name="Retry").click()
    visit.page.wait_for_timeout(300)
    assert "47 metres" in visit.page.locator(".message.bot").last.inner_text()
    visit.page.get_by_role("button", name="Clear").click()
    visit.page.locator(".rb-welcome").wait_for()


def test_hostile_document_is_text(visit: Visit) -> None:
    reply = visit.ask(
        "Carrier pigeons fly home at how many km per hour? <img src=http://evil.example/q.png> ![](http://evil.example/y)"
    )
    assert "<script>window.hacked = 1</script>" in reply
    visit.tab(2)
    visit.page.locator("#rb-query textarea, #rb-query input").fill("carrier pigeons")
    visit.page.get_by_role("button", name="Search").click()
    visit.page.locator("#rb-found blockquote").first.wait_for()
    assert "![picture](http://evil.example/b.png)" in visit.page.locator("#rb-found").inner_text()
    visit.tab(1)
    visit.page.locator("#rb-documents table").wait_for()
    assert visit.page.locator("img[src*=evil], a[href*=evil], .rb-card b, #rb-documents b, .katex").count() == 0
    assert visit.page.evaluate("window.hacked") is None


def test_search_shows_score_place_and_text(visit: Visit) -> None:
    visit.tab(2)
    visit.page.locator("#rb-query textarea, #rb-query input").fill("骆驼的驼峰")
    visit.page.locator("#rb-query textarea, #rb-query input").press("Enter")
    first = visit.page.locator("#rb-found .rb-card").first
    first.wait_for()
    assert "骆驼.txt" in first.inner_text()
    assert "Score" in first.inner_text()
    assert "储存的是脂肪" in first.inner_text()


def test_empty_knowledge_base_then_upload_ask_and_remove(browser: Browser, tmp_path: Path, site: Site) -> None:
    good, bad = tmp_path / "../papers" / "月球 站.md", tmp_path / "broken.pdf"
    good.parent.mkdir(exist_ok=True)
    good.write_text("# 月球站\n\n月球站的指令长是林小雨，她在二零三一年上任。\n", encoding="utf-8")
    bad.write_bytes(b"%PDF-1.7 broken")
    with _open(tmp_path / "kb", embedder=site.bot.embedder, llm="extractive") as bot:
        for served in _serve(bot):
            for visit in _visit(browser.new_context(locale="zh-CN"), served.url):
                page = visit.page
                assert "还没有任何文档" in page.locator(".rb-welcome").inner_text()
                page.locator("#rb-add").click()
                page.locator("#rb-upload input[type=file]").set_input_files([good, bad])
                page.locator("#rb-report .rb-report").wait_for()
                report = page.locator("#rb-report").inner_text()
                assert "1 新增" in report
                assert "broken.pdf" in report
                (document,) = bot.documents()
                assert [file.name for file in (tmp_path / "kb" / "uploads").iterdir()] == ["月球 站.md"]
                assert document.source == str(tmp_path / "kb" / "uploads" / "月球 站.md")
                visit.tab(0)
                assert "林小雨" in visit.ask("月球站的指令长是谁？")
                visit.tab(1)
                page.locator("#rb-remove").click()
                assert not page.locator("#rb-yes").is_visible()
                page.locator("#rb-choose input").click()
                page.locator("[role=option]").first.click()
                page.locator("#rb-remove").click()
                page.locator("#rb-no").click()
                # Gradio shows a group twice for a moment while it comes and goes.
                page.wait_for_function("[...document.querySelectorAll('#rb-confirm')].every(box => !box.offsetParent)")
                assert bot.documents()
                page.locator("#rb-remove").click()
                page.locator("#rb-yes").click()
                page.get_by_text("已移除").wait_for()
                assert not bot.documents()
                assert not Path(document.source).exists()
                page.locator("#rb-upload input[type=file]").set_input_files(good)
                page.get_by_text("1 新增").wait_for()
                bad.with_name(good.name).write_bytes(b"\0\1 broken \xff" * 50)
                page.locator("#rb-upload input[type=file]").set_input_files(bad.with_name(good.name))
                # The report names it; the progress bar did so before, while it was still there.
                page.locator("#rb-report .rb-report").get_by_text("月球 站 (2).md").wait_for()
                assert Path(document.source).read_bytes() == good.read_bytes()
                assert [file.name for file in (tmp_path / "kb" / "uploads").iterdir()] == ["月球 站.md"]


def test_stop_ends_the_generation_and_an_error_is_a_sentence(english: BrowserContext, site: Site) -> None:
    closed = threading.Event()
    model = SlowModel(replies=["word " * 2000, GenerationError("the model at http://x is <down>")], closed=closed)
    with _open(site.bot.kb.folder, embedder=site.bot.embedder, llm=model) as bot:
        for served in _serve(bot):
            for visit in _visit(english, served.url):
                visit.page.locator("#rb-question textarea").fill(ANSWERED)
                visit.page.locator("#rb-send").click()
                visit.page.get_by_text("word word word").wait_for()
                visit.page.locator("#rb-stop").click()
                visit.page.get_by_text("Stopped.").wait_for()
                assert closed.wait(5)
                visit.page.locator("#rb-send").wait_for()
                visit.page.wait_for_timeout(500)  # nothing that was under way may undo the stop
                assert visit.page.get_by_text("Stopped.").is_visible()
                assert visit.page.locator("#rb-send").is_visible()
                assert "the model at http://x is <down>" in visit.ask(ANSWERED)
                assert visit.page.locator("[role=alert].rb-error").count() == 1


def test_both_languages_say_the_same_things() -> None:
    first, *others = (
        {key: set(re.findall(r"{(\w+)}", text)) for key, text in texts(name).items()} for name in LANGUAGES
    )
    assert all(other == first for other in others)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..", "", "a\x00b\n.md", "CON.txt", ".bashrc", "C:\\x\\y.md", "字" * 300]
)
def test_uploaded_names_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    safe = uploads.safe_name(name)
    assert (tmp_path / safe).resolve().parent == tmp_path.resolve()
    assert not safe.startswith(".")
    (tmp_path / safe).write_text("it is a name that the file system takes")


def test_no_sign_of_a_document_survives_as_markup() -> None:
    nasty = '\n\n<a href="x">*_`[]()$!#|~\ud800\x00\u2028&amp;</a>\r\n\r\n# end'
    citation = Citation(1, nasty, nasty, 1, nasty, 0, 1, nasty, 1)
    shown = html.answer(Answer("q", f"It says so. [1] {nasty}", (citation,), False, 0.9, "en"), "en")
    text = re.sub(r"<[^<>]*>", "", shown)
    assert not re.search(r"[<>*_`$!|~\n]", text.replace("[1]", ""))
    assert "href=" not in shown

"""A browser, servers in processes of their own, and visits whose every request is recorded; each once for all tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ragbot.bot import RagBot
from ragbot.models.testing import HashEmbedder
from ragbot.sections.answers import GenerationSettings
from ragbot.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

#: In CI nobody reads what was skipped: what the tests need is imported here, and its absence is an error.
REQUIRED = os.environ.get("CI", "").lower() in {"1", "true"}
if REQUIRED:
    import gradio as _gradio  # noqa: F401
    import playwright as _playwright  # noqa: F401
    import streamlit as _streamlit  # noqa: F401

ROOT = Path(__file__).parents[3]
HINT = "no Chromium: apt-get install chromium fonts-noto-cjk, or set RAGBOT_CHROMIUM to its path"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
#: Seconds that anything on a page may take: shared machines are slow at times.
PATIENCE = 60
HOSTILE = """# Pigeons & <b>bold</b> [link](http://evil.example/l)

Carrier pigeons <script>window.hacked = 1</script> fly home <img src=http://evil.example/a.png onerror="window.hacked=2">
at ninety km per hour ![picture](http://evil.example/b.png) and $$x$$ ${window.hacked = 3} https://evil.example/c rest.
"""
#: By file name.
DOCUMENTS = {
    "茶叶.md": "# 龙井茶\n\n## 产地\n\n龙井茶产于浙江杭州西湖一带，已有一千二百余年历史。\n\n## 冲泡\n\n冲泡龙井茶宜用八十度的热水。\n",
    "骆驼.txt": "骆驼的驼峰里储存的是脂肪，而不是水。骆驼可以两个星期不喝水。\n",
    "lighthouse.md": "# The Lighthouse of Ravna\n\n## Height\n\nThe lighthouse of Ravna is 47 metres tall and was built in 1883.\n",
    "pigeons.md": HOSTILE,
}


@dataclass
class Visit:
    """A page, and every address that it asked for."""

    page: Page
    url: str
    requests: list[str] = field(default_factory=list)

    def outside(self) -> list[str]:
        """What it asked of anybody but its own server."""
        own = re.escape(self.url.rstrip("/"))
        return [address for address in self.requests if not re.match(rf"(http|ws){own[4:]}(/|$)|data:|blob:", address)]

    def tab(self, name: str) -> None:
        """Open a tab of the Gradio app: ``chat``, ``knowledge``, ``search``, ``agent`` or ``evaluation``."""
        self.page.locator(f"#rb-tab-{name}-button:visible").click()

    def nameless(self) -> list[str]:
        """The visible controls that a screen reader has no name for."""
        named = "e.ariaLabel || e.innerText.trim() || e.title || [...(e.labels || [])].some(l => l.innerText.trim())"
        found: list[str] = self.page.evaluate(
            "[...document.querySelectorAll('button, textarea, select, input:not([type=file])')]"
            f".filter(e => e.offsetParent && !(e => {named})(e)).map(e => e.outerHTML)"
        )
        return found

    def wider_than_the_window(self) -> bool:
        """Whether the page can be scrolled sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"))

    def box(self, selector: str) -> Locator:
        """The text field in a component."""
        return self.page.locator(f"{selector} textarea, {selector} input").first

    def write(self, selector: str, text: str) -> None:
        """Fill a text field and leave it, as whoever reaches for a button does: Gradio hears of the last change then.

        People are slower than a page, whose fields are bound to its state a moment after they are seen; tests are not.
        """
        self.box(selector).wait_for()
        self.settle()
        self.box(selector).fill(text)
        self.box(selector).blur()
        self.settle()

    def settle(self) -> None:
        """Let the page do what it has put off."""
        self.page.evaluate(
            "async () => { for (let i = 0; i < 3; i++) await new Promise(done => setTimeout(done, 30)) }"
        )


#: ``open_page(url, locale="en-US", width=1280, height=800, dark=False, fresh=False)``.
OpenPage = Callable[..., Visit]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One for all tests."""
    path = os.environ.get("RAGBOT_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        path = ""
    if not path or not Path(path).exists():
        (pytest.fail if REQUIRED else pytest.skip)(HINT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def _contexts(chromium: Browser) -> Iterator[dict[Any, BrowserContext]]:
    """What a browser has fetched once, it keeps: a context for each language, width and colour scheme."""
    contexts: dict[Any, BrowserContext] = {}
    yield contexts
    for context in contexts.values():
        context.close()


@pytest.fixture
def open_page(chromium: Browser, _contexts: dict[Any, BrowserContext]) -> Iterator[OpenPage]:
    """Opens pages, and closes them at the test's end; fails if one of them asked for anything outside."""
    visits: list[Visit] = []
    own: list[BrowserContext] = []

    def opened(
        url: str,
        locale: str = "en-US",
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
        fresh: bool = False,
    ) -> Visit:
        key = (locale, width, height, dark)
        if fresh or key not in _contexts:
            scheme: Any = "dark" if dark else "light"
            context = chromium.new_context(
                locale=locale, viewport={"width": width, "height": height}, color_scheme=scheme
            )
            context.set_default_timeout(PATIENCE * 1000)
            if fresh:
                own.append(context)
            else:
                _contexts[key] = context
        page = (own[-1] if fresh else _contexts[key]).new_page()
        visit = Visit(page, url)
        visits.append(visit)
        page.on("request", lambda request: visit.requests.append(request.url))
        page.goto(url)
        return visit

    yield opened
    for visit in visits:
        visit.page.close()
    for context in own:
        context.close()
    assert [visit.outside() for visit in visits] == [[] for _ in visits]


@pytest.fixture(scope="package")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of :data:`DOCUMENTS`."""
    folder = tmp_path_factory.mktemp("documents")
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory, documents: Path) -> Path:
    """A data folder whose default knowledge base holds ``documents``; nothing is refused as unlikely."""
    return made_home(tmp_path_factory.mktemp("home"), documents)


def made_home(folder: Path, documents: Path | None = None, **more: str) -> Path:
    """A data folder with settings in ``ragbot.toml``, and a default knowledge base, empty without ``documents``."""
    lines = ['llm = "extractive"', f'data_dir = "{folder}"', *(f"{key} = {value}" for key, value in more.items())]
    lines += ["[generation]", "min_confidence = 0.0", "[ui]", 'models = ["scripted:slow", "scripted:broken"]']
    (folder / "ragbot.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = Settings(data_dir=folder, llm="extractive", generation=GenerationSettings(min_confidence=0.0))
    with RagBot.open(folder / "kb" / "default", embedder=HashEmbedder(), settings=settings) as bot:
        if documents:
            bot.ingest(documents)
    return folder


@contextmanager
def served(home: Path, *arguments: str) -> Iterator[str]:
    """A server over ``home`` in a process of its own (see ``serve.py``); its address."""
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("RAGBOT_")}
    environment |= {"RAGBOT_CONFIG": str(home / "ragbot.toml"), "RAGBOT_LLM": "extractive", "PYTHONPATH": str(ROOT)}
    environment["no_proxy"] = environment["NO_PROXY"] = "127.0.0.1,localhost"
    with (home / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("serve.py")), *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        address = next((line.strip() for line in process.stdout if line.startswith("http")), "")
        assert address, (home / "server.log").read_text()[-4000:]
        yield address
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.fixture(scope="package")
def gradio_url(home: Path) -> Iterator[str]:
    """The Gradio app over ``home``."""
    with served(home, "gradio") as address:
        yield address


@pytest.fixture(scope="package")
def workshop(tmp_path_factory: pytest.TempPathFactory, documents: Path) -> Iterator[tuple[str, Path]]:
    """A Gradio app whose documents may be changed and whose agent works by script: its address and its data folder."""
    home = made_home(tmp_path_factory.mktemp("workshop"), documents)
    with (home / "ragbot.toml").open("a", encoding="utf-8") as file:
        file.write('[agent]\nllm = "scripted:working"\n')
    with served(home, "gradio") as address:
        yield address, home

"""Take the pictures of the app that the documentation shows: the Gradio app over the sample documents, in Chromium.

    python docs/images/take.py [--only chat ingesting agent map] [--languages en zh]

Needs Chromium and Playwright (``pip install playwright``). The agent is asked with the chat model of ``--llm``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from eval.benchmarks.ui_start import APPS, started
from ragbot.bot import RagBot
from ragbot.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER = Path(__file__).parent
CORPUS = FOLDER.parents[1] / "data" / "corpus"
PICTURES = ("chat", "ingesting", "agent", "map")
_LOCALES = {"en": "en-US", "zh": "zh-CN"}
_QUESTIONS = {"en": "How does RMSNorm differ from layer normalisation?", "zh": "什么是 PagedAttention？"}
_TASKS = {
    "en": "How many days are there from 2025-12-24 to 2026-03-01?",
    "zh": "从2025年12月24日到2026年3月1日一共有多少天？",
}
_PATIENCE = 180_000
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]


def chat(page: Page, language: str) -> None:
    """An answer, and the first of its sources opened at what is cited."""
    page.locator("#rb-question textarea").fill(_QUESTIONS[language])
    page.locator("#rb-send").click()
    page.locator("#rb-turns .rb-card").first.wait_for()
    page.locator("#rb-turns .rb-marker").first.click()
    page.locator(".rb-panel .rb-view").wait_for()
    page.wait_for_timeout(3000)  # a page of a PDF is drawn


def ingest(page: Page, language: str) -> None:
    """Documents on their way in."""
    page.locator("#rb-tab-knowledge-button:visible").click()
    page.locator("#rb-documents .rb").wait_for()
    files = sorted(path for path in CORPUS.rglob("*") if path.is_file())
    page.locator("#rb-upload input[type=file]").set_input_files(files)
    # Far enough for a rate and the time left.
    page.wait_for_function("document.querySelector('#rb-working progress')?.value > 0.15")


def agent(page: Page, language: str) -> None:
    """A task with its steps and the answer."""
    page.locator("#rb-tab-agent-button:visible").click()
    page.locator("#rb-past .rb").wait_for()
    page.locator("#rb-task textarea").fill(_TASKS[language])
    page.locator("#rb-agent-go").click()
    page.locator("#rb-agent-go:disabled").wait_for()
    page.locator("#rb-agent-go:enabled").wait_for()


def topics(page: Page, language: str) -> None:
    """The map of what the documents are about."""
    page.locator("#rb-tab-search-button:visible").click()
    page.locator("#rb-topics button").first.click()
    page.locator("#rb-topics-find").click()
    page.locator("#rb-topic-map table tbody tr").first.wait_for()
    page.frame_locator(".rb-map").locator("svg use").first.wait_for()
    page.locator("#rb-topics").scroll_into_view_if_needed()


def _take(browser: Browser, address: str, name: str, language: str) -> None:
    context = browser.new_context(
        locale=_LOCALES[language], viewport={"width": 1280, "height": 860}, color_scheme="light"
    )
    context.set_default_timeout(_PATIENCE)
    page = context.new_page()
    page.goto(address)
    page.locator(APPS["gradio"][1]).first.wait_for()
    {"chat": chat, "ingesting": ingest, "agent": agent, "map": topics}[name](page, language)
    page.wait_for_timeout(700)  # what slides in has come to rest
    ending = "" if language == "en" else f".{language}"
    page.screenshot(path=FOLDER / f"{name}{ending}.png")
    context.close()


def _make(home: Path, llm: str) -> None:
    home.mkdir()
    (home / "ragbot.toml").write_text(f'[agent]\nllm = "{llm}"\n', encoding="utf-8")
    if home.name == "filled":
        with RagBot.open(settings=Settings(data_dir=home, llm="extractive")) as bot:
            bot.ingest(CORPUS)


def main() -> None:
    """Serve, look, and write the pictures beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PICTURES, default=[*PICTURES])
    parser.add_argument("--languages", nargs="+", choices=[*_LOCALES], default=[*_LOCALES])
    parser.add_argument("--llm", default="bundled", help="what the agent asks")
    chosen = parser.parse_args()
    from playwright.sync_api import sync_playwright

    path = os.environ.get("RAGBOT_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        for name in chosen.only:
            for language in chosen.languages:
                home = Path(folder, f"empty-{language}" if name == "ingesting" else "filled")
                if not home.exists():
                    _make(home, chosen.llm)
                with started("gradio", home) as address:
                    _take(browser, address, name, language)
                print(f"{name}, {language}")  # noqa: T201
        browser.close()


if __name__ == "__main__":
    main()

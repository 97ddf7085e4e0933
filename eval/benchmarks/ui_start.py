"""How long the web interfaces take to start, and to show something.

    python -m eval.benchmarks.ui_start [--runs 3] [--apps gradio streamlit]

For each, in a data folder of its own with a small knowledge base: seconds from the start of ``ragbot ui`` until its page
is served (``serves``); until the chat can be used in a browser that was never here (``usable``); and, for a page that is
opened then, until its first contentful paint and until it can be used (``paint``, ``again``). The fastest and the median
of all runs are printed. Needs Chromium and Playwright (``pip install playwright``).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.errors import RagbotError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

#: Options of ``ragbot ui``, and what is there once a question can be typed.
APPS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "gradio": ((), "#rb-turns .rb-welcome"),
    "streamlit": (("--streamlit",), "[data-testid=stChatInput] textarea"),
}
DOCUMENT = "# Tides\n\nThe tide rises twice a day. 潮汐每天涨落两次。\n"
_ADDRESS = re.compile(r"https?://\S+?(?=[\s\"'),]|$)")
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime / 1000"
_PATIENCE = 120_000
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]


@contextmanager
def started(app: str, home: Path) -> Iterator[str]:
    """``ragbot ui`` over ``home`` in a process of its own; its address, as soon as it says so.

    Raises:
        RagbotError: it ended instead.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAGBOT_")}
    environment |= {"RAGBOT_DATA_DIR": str(home), "RAGBOT_LLM": "extractive", "NO_PROXY": "127.0.0.1,localhost"}
    environment["RAGBOT_CONFIG"] = str(home / "ragbot.toml")
    command = [sys.executable, "-m", "ragbot", "ui", "--port", "0", *APPS[app][0]]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        found = next((match for line in process.stdout if (match := _ADDRESS.search(line))), None)
        if found is None:
            raise RagbotError(f"ragbot ui ({app}) did not start: run it by hand to see why")
        yield found.group()
    finally:
        process.terminate()
        process.wait(30)


def measured(app: str, browser: Browser) -> dict[str, float]:
    """One start of ``app``: seconds by name."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "ragbot.toml").touch()
        (home / "tides.md").write_text(DOCUMENT, encoding="utf-8")
        _ingest(home)
        begun = time.perf_counter()
        with started(app, home) as address:
            serves = time.perf_counter() - begun
            context = browser.new_context()
            context.set_default_timeout(_PATIENCE)
            _look(context.new_page(), address, app)
            usable = time.perf_counter() - begun
            paint, again = _look(context.new_page(), address, app)
            context.close()
    return {"serves": serves, "usable": usable, "paint": paint, "again": again}


def _look(page: Page, address: str, app: str) -> tuple[float, float]:
    """Seconds until the first paint of a page, and until it can be used."""
    begun = time.perf_counter()
    page.goto(address)
    page.locator(APPS[app][1]).first.wait_for()
    usable = time.perf_counter() - begun
    page.wait_for_function(_PAINT)
    return float(page.evaluate(_PAINT)), usable


def _ingest(home: Path) -> None:
    from ragbot.bot import RagBot
    from ragbot.settings import Settings

    settings = Settings(data_dir=home, llm="extractive")
    with RagBot.open(settings=settings) as bot:
        bot.ingest(home / "tides.md")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apps", nargs="+", choices=[*APPS], default=[*APPS], help="which (default: both)")
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    from playwright.sync_api import sync_playwright

    path = os.environ.get("RAGBOT_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        print("seconds: fastest / median")
        for app in chosen.apps:
            runs = [measured(app, browser) for _ in range(chosen.runs)]
            figures = {name: [run[name] for run in runs] for name in runs[0]}
            shown = (f"{name} {min(all_):.2f} / {statistics.median(all_):.2f}" for name, all_ in figures.items())
            print(f"{app}: {', '.join(shown)}")
        browser.close()


if __name__ == "__main__":
    main()

"""The page of the routes in a browser: it lists them, tries them, and asks nobody else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM_HINT = "no Chromium: apt-get install chromium fonts-noto-cjk, or set RAGBOT_CHROMIUM to its path"


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


@pytest.mark.parametrize(
    ("locale", "send", "question", "said"),
    [
        ("en-US", "Send", "By what factor does the throughput rise?", "factor of 20"),
        ("zh-CN", "发送", "QLoRA 把基座模型量化为几比特？", "4 比特"),
    ],
)
@pytest.mark.parametrize("width", [390, 1100])
def test_a_question_is_tried(
    browser: Browser, api: FastAPI, address: str, locale: str, send: str, question: str, said: str, width: int
) -> None:
    from playwright.sync_api import expect

    context = browser.new_context(locale=locale, viewport={"width": width, "height": 800})
    page = context.new_page()
    asked: list[str] = []
    failed: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(address)
    expect(page.locator("details").first).to_be_visible()
    shown = set(page.locator("summary code").all_inner_texts())
    assert shown == set(api.openapi()["paths"])
    route = page.locator("details").filter(has=page.locator("summary code", has_text="/v1/chat/completions"))
    route.locator("summary").click()
    assert '"model": "ragbot"' in route.locator("textarea").input_value()
    route.locator("textarea").fill(f'{{"model": "ragbot", "messages": [{{"role": "user", "content": "{question}"}}]}}')
    route.get_by_role("button", name=send).click()
    expect(route.locator("pre")).to_contain_text(said)
    expect(route.locator("pre")).to_contain_text('"citations"')
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert all(url.startswith(address) for url in asked)
    assert failed == []
    context.close()

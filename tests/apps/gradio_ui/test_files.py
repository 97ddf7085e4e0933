"""Downloads: one's own conversations, in three forms, and nothing else whatever the address says."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from apps.door.login import COOKIE
from apps.gradio_ui.files import Files
from apps.gradio_ui.site import Site
from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import Rights


def get(site: Site, path: str, method: str = "GET", cookies: str = "") -> httpx.Response:
    transport = httpx.ASGITransport(Files(PlainTextResponse("the page"), site))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.request(method, path, headers={"cookie": cookies} if cookies else {})

    return asyncio.run(ask())


@pytest.fixture
def talk(site: Site) -> Any:
    owner = site.visitor(None)
    with owner.using("default") as bot:
        made = owner.conversation(bot, "")
        made.ask("LoRA 训练什么？")
        made.rate("up", "很好")
        return made


def test_the_three_forms(site: Site, talk: Any) -> None:
    markdown = get(site, f"/files/{talk.id}.md?kb=default")
    assert markdown.headers["content-disposition"] == f'attachment; filename="ragbot-{talk.id}.md"'
    assert "LoRA 训练什么？" in markdown.text
    assert get(site, f"/files/{talk.id}.json?kb=default").json()["conversations"][0]["id"] == talk.id
    (record,) = map(json.loads, get(site, "/files/feedback.jsonl?kb=default").text.splitlines())
    assert (record["rating"], record["comment"]) == ("up", "很好")


def test_what_is_not_theirs_is_not_there(site: Site, talk: Any) -> None:
    assert get(site, f"/files/{'0' * 12}.md?kb=default").status_code == 404
    assert get(site, f"/files/{talk.id}.md?kb=other").status_code == 404
    assert get(site, f"/files/{talk.id}.md?kb=..%2Fdefault").status_code == 404
    _, secret = Keys(site.workspace).create("ana", Rights())
    assert get(site, f"/files/{talk.id}.md?kb=default").status_code == 401
    token = site.login.begin(str(secret))
    assert get(site, f"/files/{talk.id}.md?kb=default", cookies=f"{COOKIE}={token}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/files/../x.md",
        "/files/%2e%2e%2fworkspace.json",
        "/files/a/b.md",
        "/files/x.md",
        "/files/abc.sqlite3",
        "/files/",
    ],
)
def test_other_addresses_are_the_pages_affair(site: Site, path: str) -> None:
    assert get(site, path).text == "the page"
    assert get(site, f"/files/{'a' * 12}.md", "POST").text == "the page"

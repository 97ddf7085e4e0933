"""What stands before Gradio, over a real server: other web sites are kept out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

pytest.importorskip("gradio", reason='the Gradio app needs the extra "ui": pip install "ragbot[ui]"')

from apps.api.bots import Bots
from apps.door.hosts import HostGuard
from apps.gradio_ui.app import launch
from apps.gradio_ui.page import PageMiddleware
from ragbot.errors import UserError

UPLOAD = "gradio_api/upload"
pytestmark = [
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]


@pytest.fixture
def client(bots: Bots) -> Iterator[httpx.Client]:
    async def start() -> Any:
        return launch(bots, "127.0.0.1", 0, block=False)

    blocks = asyncio.run(start())  # where no loop is running, Gradio makes some and leaves them open
    with httpx.Client(base_url=str(blocks.local_url), trust_env=False) as client:
        yield client
    blocks.close(verbose=False)


def test_only_the_machine_itself_may_ask(client: httpx.Client) -> None:
    port = client.base_url.port
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "",
        "[::2]",
    ):
        for method, path in (("GET", "/"), ("GET", "config"), ("POST", UPLOAD), ("OPTIONS", "config")):
            headers = {"Host": host, "Origin": f"http://{host}", "Access-Control-Request-Method": "GET"}
            answer = client.request(method, path, headers=headers)
            assert answer.status_code == 403
            assert answer.headers["content-type"].startswith("text/plain")
            assert "its own machine only" in answer.text
            assert "access-control-allow-origin" not in answer.headers
    assert client.get("/").headers["referrer-policy"] == "same-origin"
    for host in ("127.0.0.1", f"LOCALHOST:{port}", "localhost:1", f"[::1]:{port}"):
        assert client.get("/", headers={"Host": host}).status_code == 200


def test_a_foreign_page_changes_and_reads_nothing(client: httpx.Client) -> None:
    own = f"http://127.0.0.1:{client.base_url.port}"
    file = {"files": ("a.md", b"text")}
    for origin in (
        "http://evil.example",
        "null",
        "http://127.0.0.1:1",
        own.replace("127.0.0.1", "localhost"),
        "http://[",
    ):
        answer = client.post(UPLOAD, files=file, headers={"Origin": origin})
        assert answer.status_code == 403
        assert "may not change anything" in answer.text
        preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for answer in (client.get("config", headers={"Origin": origin}), client.options(UPLOAD, headers=preflight)):
            assert "access-control-allow-origin" not in answer.headers
    assert client.post(UPLOAD, files=file, headers={"Origin": own}).status_code == 200
    assert client.post(UPLOAD, files=file).status_code == 200  # no browser


def test_a_public_address_without_a_key_is_refused(bots: Bots) -> None:
    with pytest.raises(UserError, match="make a key first"):
        launch(bots, "0.0.0.0", 0, block=False)


@pytest.mark.parametrize(
    ("setting", "accepts", "told"),
    [
        ("auto", "zh-HK,zh;q=0.9", "zh-CN"),
        ("auto", "fr,zh;q=0.5", "zh-CN"),
        ("auto", "de", "en"),
        ("zh", "en", "zh-CN"),
        ("en", "zh-CN", "en"),
    ],
)
def test_the_page_is_told_its_language(setting: str, accepts: str, told: str) -> None:
    from starlette.responses import HTMLResponse

    async def get() -> str:
        app = PageMiddleware(HTMLResponse("<html><head></head></html>"), setting)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return (await client.get("/", headers={"Accept-Language": accepts})).text

    assert f'get: () => "{told}"' in asyncio.run(get())


@pytest.mark.parametrize(
    ("bound", "host", "origin", "status"),
    [
        ("127.0.0.1", "rag.example.org", None, 403),
        ("127.0.0.2", "127.0.0.2:80", None, 200),
        ("127.0.0.1", "127.0.0.2:80", None, 403),
        ("0.0.0.0", "box.lan:7860", "http://box.lan:7860", 200),
        ("0.0.0.0", "box.lan:7860", "http://evil.example", 403),
    ],
)
def test_the_bound_host_is_ours(bound: str, host: str, origin: str | None, status: int) -> None:
    from starlette.responses import PlainTextResponse

    transport = httpx.ASGITransport(HostGuard(PlainTextResponse("ok"), bound))

    async def post() -> int:
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            headers = {"Host": host} | ({"Origin": origin} if origin else {})
            return (await client.post("/", headers=headers)).status_code

    assert asyncio.run(post()) == status


@pytest.mark.parametrize(
    ("host", "status"),
    [("rag.example.org", 200), ("a.b.intranet:80", 200), ("intranet", 403), ("evil.example", 403), ("127.0.0.1", 200)],
)
def test_further_names_are_answered(host: str, status: int) -> None:
    from starlette.responses import PlainTextResponse

    async def get(bound: str) -> int:
        guard = HostGuard(PlainTextResponse("ok"), bound, ["rag.example.org", "*.intranet"])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://x") as client:
            return (await client.get("/", headers={"Host": host})).status_code

    assert [asyncio.run(get(bound)) for bound in ("127.0.0.1", "0.0.0.0")] == [status, status]

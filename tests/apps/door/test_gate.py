"""Who is let in, and what every answer carries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.door.gate import Gate
from apps.door.hosts import HostGuard
from apps.door.login import COOKIE, Login
from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import Rights
from ragbot.workspace.store import Workspace

BASE = "http://127.0.0.1:7860"
HTML = {"accept": "text/html"}


async def inner(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await PlainTextResponse(f"secret {scope['path']}")(scope, receive, send)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace(tmp_path / "workspace.sqlite3")
    yield made
    made.close()


@pytest.fixture
def app(workspace: Workspace) -> ASGIApp:
    return HostGuard(Gate(inner, Login(workspace)), "127.0.0.1")


def run(app: ASGIApp, method: str, path: str, **options: object) -> httpx.Response:
    import anyio

    async def call() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
            return await client.request(method, path, **options)  # type: ignore[arg-type]

    return anyio.run(call)


def socket_answer(app: ASGIApp, **headers: str) -> str:
    """The type of the first message that a web socket is answered with."""
    import anyio

    sent: list[str] = []

    async def call() -> None:
        async def receive() -> dict[str, object]:
            return {"type": "websocket.connect"}

        async def send(message: dict[str, object]) -> None:
            sent.append(str(message["type"]))

        listed = [(name.encode(), value.encode()) for name, value in {"host": "127.0.0.1:7860", **headers}.items()]
        scope = {"type": "websocket", "path": "/_stcore/stream", "headers": listed}
        await app(scope, receive, send)  # type: ignore[arg-type]

    anyio.run(call)
    return sent[0]


def test_without_keys_everybody_at_the_machine_is_let_in(app: ASGIApp) -> None:
    found = run(app, "GET", "/", headers=HTML)
    assert (found.status_code, found.text) == (200, "secret /")
    policy = found.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "*" not in policy
    assert found.headers["referrer-policy"] == "same-origin"
    assert socket_answer(app) == "websocket.accept"


def test_with_keys_nothing_is_served_but_the_login(app: ASGIApp, workspace: Workspace) -> None:
    Keys(workspace).create("ana", Rights())
    for path in ("/", "/static/js/x.js", "/media/secret.png", "/_stcore/upload_file/a/b", "/_stcore/host-config"):
        for method in ("GET", "POST", "PUT", "DELETE"):
            found = run(app, method, path)
            assert (found.status_code, "secret" in found.text) == (401, False), (method, path)
    assert socket_answer(app) == "websocket.close"
    assert run(app, "GET", "/_stcore/health").status_code == 200


@pytest.mark.parametrize(("asked", "word", "lang"), [("en", "Log in", "en"), ("zh-CN", "登录", "zh-CN")])
def test_the_login_page_speaks_the_readers_language(
    app: ASGIApp, workspace: Workspace, asked: str, word: str, lang: str
) -> None:
    Keys(workspace).create("ana", Rights())
    found = run(app, "GET", "/", headers={**HTML, "accept-language": asked})
    assert found.status_code == 401
    assert word in found.text and f'lang="{lang}"' in found.text
    assert 'type="password"' in found.text and "http" not in found.text


def test_a_key_opens_until_it_is_revoked(app: ASGIApp, workspace: Workspace) -> None:
    key, secret = Keys(workspace).create("ana", Rights())
    entered = run(app, "POST", "/login", data={"key": str(secret)})
    assert (entered.status_code, entered.headers["location"]) == (303, "./")
    given = entered.headers["set-cookie"]
    assert "HttpOnly" in given and "samesite=strict" in given.lower() and str(secret) not in given
    cookie = {"cookie": given.partition(";")[0]}
    assert cookie["cookie"].startswith(f"{COOKIE}=")
    assert run(app, "GET", "/media/x", headers=cookie).status_code == 200
    assert socket_answer(app, **cookie) == "websocket.accept"
    Keys(workspace).revoke(key.id)
    assert run(app, "GET", "/media/x", headers=cookie).status_code == 401
    assert socket_answer(app, **cookie) == "websocket.close"


def test_logging_out(app: ASGIApp, workspace: Workspace) -> None:
    _, secret = Keys(workspace).create("ana", Rights())
    given = run(app, "POST", "/login", data={"key": str(secret)}).headers["set-cookie"]
    cookie = {"cookie": given.partition(";")[0]}
    left = run(app, "POST", "/logout", headers=cookie)
    assert left.status_code == 303 and f"{COOKIE}=" in left.headers["set-cookie"]
    assert run(app, "GET", "/", headers=cookie).status_code == 401


@pytest.mark.parametrize("given", ["", "wrong", "<script>alert(1)</script>", "x" * 10_000])
def test_a_wrong_key_is_told_and_not_repeated(
    app: ASGIApp, workspace: Workspace, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.door.gate._WRONG", 0)
    Keys(workspace).create("ana", Rights())
    found = run(app, "POST", "/login", data={"key": given})
    assert found.status_code == 401
    assert "not a valid key" in found.text
    assert not given or given not in found.text
    assert "set-cookie" not in found.headers


def test_a_foreign_name_or_page_is_refused(app: ASGIApp) -> None:
    for host in ("evil.example", "evil.example:7860", "127.0.0.1.evil.example"):
        assert run(app, "GET", "/", headers={"host": host}).status_code == 403
        assert socket_answer(app, host=host) == "websocket.close"
    assert run(app, "POST", "/login", headers={"origin": "http://evil.example"}).status_code == 403
    assert socket_answer(app, origin="http://evil.example") == "websocket.close"
    assert socket_answer(app, origin=BASE) == "websocket.accept"

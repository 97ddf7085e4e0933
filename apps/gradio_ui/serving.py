"""Gradio on a socket, with nothing that leaves the machine; what every page of ours is served with."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

# Gradio reads both when it is imported: no analytics, no version check, no look at a hub.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"

import gradio as gr
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.door.gate import Gate
from apps.door.hosts import HostGuard
from apps.door.login import Login

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Noto Sans Mono CJK SC", "monospace")


#: Gradio asks its own server for this while it starts; it tells nothing.
_STARTUP = "/gradio_api/startup-events"


def guarded(
    host: str,
    hosts: Sequence[str] = (),
    login: Login | None = None,
    language: str = "auto",
    close: Callable[[], object] | None = None,
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Before anything is served: the guards go around everything, Gradio's own middleware included.

    Args:
        host: the address that is listened on.
        hosts: further names under which the page is reached.
        login: who may come in; None: whoever passes the guard.
        language: of the page to log in.
        close: called when the app has stopped.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        inner = app.middleware_stack or app.build_middleware_stack()
        entered = Door(inner, Gate(inner, login, language)) if login is not None else inner
        app.middleware_stack = HostGuard(entered, host, hosts)
        try:
            yield
        finally:
            if close is not None:
                close()

    return lifespan


class Door:
    """Where one has to log in first, with the exception of Gradio's own question to itself."""

    def __init__(self, inner: ASGIApp, gate: ASGIApp) -> None:
        self._inner, self._gate = inner, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        own = scope["type"] == "http" and scope["path"] == _STARTUP
        await (self._inner if own else self._gate)(scope, receive, send)


def no_proxy(host: str) -> None:
    """Gradio asks its own server whether it is up, and must not ask a proxy of the environment instead."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), host, "127.0.0.1", "localhost")))


def free_port(host: str) -> int:
    """A port that nobody uses; Gradio itself takes 0 for a port's number."""
    with socket.create_server((host, 0)) as taken:
        return int(taken.getsockname()[1])


def theme() -> gr.Theme:
    """Gradio's default theme with fonts of the system, so that none is fetched."""
    return gr.themes.Default(primary_hue="indigo", neutral_hue="slate", font=_FONTS, font_mono=_MONO)


def style(*names: str) -> list[Path]:
    """Style sheets that lie beside this file."""
    return [Path(__file__).with_name(name) for name in names]


def plain_gradio() -> dict[str, Any]:
    """Arguments of ``launch`` that switch off what Gradio offers and we do not."""
    return {
        "share": False,
        "quiet": True,
        "allowed_paths": [],
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "pwa": False,
        "mcp_server": False,
        # Gradio gives up where its own page takes more than three seconds, as it may on a machine that is at work.
        "_frontend": False,
    }

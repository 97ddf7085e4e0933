"""The server over streamable HTTP: on this machine, or for others with a key."""

from __future__ import annotations

import hmac
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ragbot.errors import UserError
from ragbot.sections.mcp import is_loopback

PATH = "/mcp"
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")


def serve_http(server: Server[Any, Any], host: str, port: int, key: str, started: Callable[[str], None]) -> None:
    """Serve until Ctrl-C.

    Args:
        host: address to listen on.
        port: 0 takes a free one.
        key: bearer token that is asked for; empty: none.
        started: told the address of the endpoint.

    Raises:
        UserError: the address is not this machine's alone and there is no key, or it cannot be listened on.
    """
    if not key and not is_loopback(host):
        raise UserError(
            f"anybody who reaches {host} could read the documents: set RAGBOT_MCP__KEY, which clients then send as a "
            "bearer token, or listen on 127.0.0.1"
        )
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise UserError(
            f"cannot listen on {host}:{port} ({error}): choose another --port, or 0 for a free one"
        ) from error
    with listening:
        shown = f"[{host}]" if ":" in host else host
        started(f"http://{shown}:{listening.getsockname()[1]}{PATH}")
        config = uvicorn.Config(
            http_app(server, host, key), log_config=None, access_log=False, timeout_graceful_shutdown=2
        )
        uvicorn.Server(config).run(sockets=[listening])


def http_app(server: Server[Any, Any], host: str, key: str) -> ASGIApp:
    """The application; a browser's page cannot reach it by way of a name that it owns (DNS rebinding)."""
    names = [*_LOCAL_HOSTS, *((f"[{host}]" if ":" in host else host,) if is_loopback(host) else ())]
    security = TransportSecuritySettings(
        # With a key, a page from elsewhere gets nowhere; and under which names others know this machine, nobody knows.
        enable_dns_rebinding_protection=is_loopback(host),
        allowed_hosts=[*names, *(f"{name}:*" for name in names)],
        allowed_origins=[f"http://{name}:*" for name in names],
    )
    manager = StreamableHTTPSessionManager(server, security_settings=security)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with manager.run():
            yield

    app = Starlette(routes=[Route(PATH, endpoint=_Endpoint(manager))], lifespan=lifespan)
    return _Guarded(app, key) if key else app


class _Endpoint:
    """An object, and no function: Starlette hands it the request as it is."""

    def __init__(self, manager: StreamableHTTPSessionManager) -> None:
        self._manager = manager

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._manager.handle_request(scope, receive, send)


class _Guarded:
    """Refuses a request without the key, before anything reads it."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._wanted = f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            if not hmac.compare_digest(given, self._wanted):
                refusal = PlainTextResponse("a key is needed", 401, {"www-authenticate": "Bearer"})
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

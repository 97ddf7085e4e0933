"""What stands before every route: by which name and from which page one comes, how much one sends, and the headers.

A page of another site runs in the person's browser, on the machine that may ask the server. If its own name was made to
point here (DNS rebinding), the Host header tells; if it sends requests across origins, the Origin header does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.api.problems import ProblemError, body
from apps.door.hosts import HostNames

MIB = 1024 * 1024
#: What the parts of an upload need beside the files themselves.
_FRAME = MIB
#: The end of the paths that take files; they look at the key before they read.
_UPLOADS = "/uploads"
#: Asked by address, by whoever looks after the server (an orchestrator's probes); they tell nothing.
_OPEN = {"/healthz", "/readyz"}
#: The server answers with data: a browser that is shown some runs nothing and loads nothing.
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "cache-control": "no-store",
}


class Guard:
    """ASGI middleware.

    Args:
        bound: the address that the server listens on. On the loopback, its own names and ``hosts`` are answered; on
            any other address a key is needed, and only ``hosts`` are answered if there are some.
        hosts: further names without port; ``*.example.org`` for all below one.
        origins: pages elsewhere that may use the server.
        max_body, max_upload: bytes; the latter of a form with files, where files are taken.
    """

    def __init__(
        self,
        app: ASGIApp,
        bound: str = "127.0.0.1",
        hosts: Sequence[str] = (),
        origins: Sequence[str] = (),
        max_body: int = 4 * MIB,
        max_upload: int = 256 * MIB,
    ) -> None:
        self._app = app
        self._names = HostNames(bound, hosts)
        self._origins = frozenset(origins)
        self._max_body, self._max_upload = max_body, max_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    out.setdefault(name, value)
            await send(message)

        refusal = None if scope["path"] in _OPEN else self._refusal(headers)
        limit = self._limit(scope, headers)
        length = headers.get("content-length", "")
        if refusal is None and length.isascii() and length.isdecimal() and int(length[:19]) > limit:
            refusal = _too_large(limit)
        if refusal is not None:
            status, said = refusal
            await JSONResponse(said, status, {"connection": "close"})(scope, receive, guarded)
            return
        await self._app(scope, _bounded(receive, limit), guarded)

    def _refusal(self, headers: Headers) -> tuple[int, dict[str, Any]] | None:
        given, origins = headers.getlist("host"), headers.getlist("origin")
        host = given[0].lower() if len(given) == 1 else ""
        if host not in self._names:
            said = f"this server does not answer as {host[:100]!r}; names that it is to answer by stand in server.allowed_hosts"
            return 421, body(421, said, None, "unknown_host")
        for origin in (one.lower() for one in origins):
            if origin.partition("://")[2] != host and origin not in self._origins:
                said = f"a page from {origin[:100]!r} may not use this server; server.cors_origins lists those that may"
                return 403, body(403, said, None, "foreign_origin")
        return None

    def _limit(self, scope: Scope, headers: Headers) -> int:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        # By the route, too: any other one would read the form into memory before it says that it wants none.
        uploads = scope["method"] == "POST" and scope["path"].endswith(_UPLOADS)
        return self._max_upload + _FRAME if uploads and kind == "multipart/form-data" else self._max_body


def _too_large(limit: int) -> tuple[int, dict[str, Any]]:
    return 413, body(413, f"the request is larger than {limit // MIB} MiB", None, "too_large")


def _bounded(receive: Receive, limit: int) -> Receive:
    """``receive``, which refuses what comes in without a length that is true."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise ProblemError(413, f"the request is larger than {limit // MIB} MiB", code="too_large")
        return message

    return bounded

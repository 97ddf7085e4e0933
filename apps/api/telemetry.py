"""The outermost layer: each request gets an id, a line in the log, its figures, a trace; and always an answer."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.api import problems
from apps.api.logs import tell
from apps.api.metrics import Metrics
from apps.api.problems import ClientLeftError
from apps.api.tracing import Tracing

#: Where a request's facts stand in its scope.
FACTS = "ragbot"
#: Where headers of its answer do.
_OUT = "ragbot.headers"
#: An id that a proxy has given.
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
#: What nginx writes of a caller who has left; never sent.
_LEFT = 499


def note(request: Request, **facts: Any) -> None:
    """Say something about a request, for its line in the log and for the figures. Never text of documents."""
    request.scope.setdefault(FACTS, {}).update(facts)


def add_headers(request: Request, headers: Mapping[str, str]) -> None:
    """Headers for the answer to a request, whoever makes that."""
    request.scope.setdefault(_OUT, {}).update(headers)


class Telemetry:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, metrics: Metrics, tracing: Tracing | None = None) -> None:
        self._app, self._metrics, self._tracing = app, metrics, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        identity = given if _ID.fullmatch(given) else secrets.token_hex(8)
        facts = scope.setdefault(FACTS, {})
        facts["id"] = identity
        status, started = 0, time.perf_counter()

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update({**scope.get(_OUT, {}), "x-request-id": identity})
            await send(message)

        try:
            with self._traced(scope, headers, facts):
                await self._app(scope, receive, numbered)
        except ClientLeftError:
            status = _LEFT
        except Exception as error:  # nobody below knows it, and everybody gets an answer
            begun = bool(status)
            status, said = problems.of(error, identity)
            if begun:  # too late for another answer: the connection is cut, so that half of one is not taken for it
                raise
            await JSONResponse(said, status)(scope, receive, numbered)
        finally:
            self._done(scope, facts, status or _LEFT, time.perf_counter() - started)

    @contextmanager
    def _traced(self, scope: Scope, headers: Headers, facts: dict[str, Any]) -> Iterator[None]:
        if self._tracing is None:
            yield
            return
        name = f"{scope['method']} request"
        known = {"http.request.method": scope["method"], "ragbot.request": facts["id"]}
        with self._tracing.request(name, headers, known) as span:
            try:
                yield
            finally:
                span.update_name(f"{scope['method']} {_route(scope)}")
                span.set_attribute("http.route", _route(scope))

    def _done(self, scope: Scope, facts: dict[str, Any], status: int, seconds: float) -> None:
        method, route = scope["method"], _route(scope)
        self._metrics.note(method if method in _METHODS else "other", route, status, seconds, facts)
        if route not in _SILENT or status >= 400:
            tell({**facts, "method": method, "route": route, "status": status, "seconds": round(seconds, 4)})


_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
#: Asked every few seconds by whoever looks after the server.
_SILENT = {"/healthz", "/readyz", "/metrics"}


def _route(scope: Scope) -> str:
    """The route's pattern: a path may hold names, and there is any number of them."""
    return str(getattr(scope.get("route"), "path", "")) or "unknown"

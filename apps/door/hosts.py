"""Which requests are heard at all: those to a name of ours, and what changes something only from a page of ours."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ragbot.sections.mcp import is_loopback

_PORT = re.compile(r":\d{0,5}$")


class HostNames:
    """The names that a server answers by.

    Args:
        bound: the address that it listens on. On the loopback these are its own names and ``hosts``; on any other
            address any name, unless there are ``hosts``.
        hosts: further names, without port; ``*.example.org`` for all below one.
    """

    def __init__(self, bound: str, hosts: Sequence[str] = ()) -> None:
        own = {"127.0.0.1", "localhost", "[::1]", bound.lower(), f"[{bound.strip('[]').lower()}]"}
        self._hosts = own.union(host for host in hosts if not host.startswith("*."))
        self._below = tuple(host[1:] for host in hosts if host.startswith("*.")) or ("\0",)
        self._any = not is_loopback(bound) and not hosts

    def __contains__(self, host: object) -> bool:
        """Whether a Host header in lower case, with or without a port, has one of them."""
        name = _PORT.sub("", str(host))
        return bool(name) and (self._any or name in self._hosts or name.endswith(self._below))


class HostGuard:
    """Keeps other web sites out: their pages run in the person's browser, on the machine that may ask us.

    A site whose name was made to point at the loopback (DNS rebinding) is told by the Host header, which is checked
    where we are bound to the loopback; a request that a foreign page sends is told by its Origin header. It has to be
    outermost, since Gradio answers what crosses origins itself.

    Args:
        bound, hosts: as :class:`HostNames` takes them.
    """

    def __init__(self, app: ASGIApp, bound: str, hosts: Sequence[str] = ()) -> None:
        self._app = app
        self._names = HostNames(bound, hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        hosts, origin = headers.getlist("host"), headers.get("origin")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        foreign = origin is not None and origin.lower().partition("://")[2] != host
        reason = ""
        if host not in self._names:
            reason = f"this ragbot serves its own machine only, and not as {host!r}: open it as http://localhost:PORT/"
        elif foreign and scope.get("method") not in {"GET", "HEAD", "OPTIONS"}:
            reason = f"a page from {origin!r} may not change anything here (this is {host!r})"
        if reason and scope["type"] == "http":
            await PlainTextResponse(f"refused: {reason}\n", 403)(scope, receive, send)
            return
        if reason:
            await send({"type": "websocket.close", "code": 1008})
            return
        if foreign:  # Gradio would allow some of them to read the answer
            scope = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"origin"]}
        await self._app(scope, receive, send)

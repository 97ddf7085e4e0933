"""What stands before Gradio: who may ask at all; and an early script, a style, and a policy on the page it serves."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragbot.sections.mcp import is_loopback
from ragbot.showing.words import language_of

#: Whatever slips through all escaping: the browser itself refuses to ask another host for anything. Gradio's own page
#: needs inline scripts and styles, and evaluates; it needs nothing from elsewhere.
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
#: Gradio's page takes its language from the browser's first one, of which it knows more than ours; what the server
#: writes is in one of ours. So the page is told which. Gradio's own ``head`` argument takes effect after the language is
#: chosen, hence this one. The style shows the subtitle in the page's language; Gradio confines its ``css`` to what is
#: below the container.
_HEAD = """<head><script>
Object.defineProperty(navigator, "language", {get: () => "LANGUAGE"});
</script><style>
html:lang(zh) #rb-header p:lang(en), html:not(:lang(zh)) #rb-header p:lang(zh) { display: none !important }
</style>"""


#: Gradio knows Chinese as zh-CN and zh-TW.
_TAGS = {"en": "en", "zh": "zh-CN"}


class PageMiddleware:
    """Rewrites the page, and nothing else: answers stream through untouched.

    Args:
        language: of the page: ``en``, ``zh``, or ``auto``, which the browser prefers.
    """

    def __init__(self, app: ASGIApp, language: str = "auto") -> None:
        self._app = app
        self._language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        asked = language_of(Headers(scope=scope).get("accept-language"), self._language)
        head = _HEAD.replace("LANGUAGE", _TAGS[asked], 1).encode()
        start: Message = {}
        body = bytearray()

        async def rewrite(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            page = bytes(body).replace(b"<head>", head, 1)
            headers = MutableHeaders(raw=list(start["headers"]))
            headers["content-length"] = str(len(page))
            headers.setdefault("content-security-policy", _POLICY)  # a report has a stricter one
            headers["referrer-policy"] = "same-origin"  # without any, a form's origin is "null"
            await send({**start, "headers": headers.raw})
            await send({"type": "http.response.body", "body": page})

        await self._app(scope, receive, rewrite)


class HostGuard:
    """Keeps other web sites out: their pages run in the person's browser, on the machine that may ask us.

    A site whose name was made to point at the loopback (DNS rebinding) is told by the Host header, which is checked
    where we are bound to the loopback; a request that a foreign page sends is told by its Origin header. It has to be
    outermost, since Gradio answers what crosses origins itself.

    Args:
        bound: the address that the server listens on.
        hosts: further names, without port, under which it is reached; ``*.example.org`` for all below one.
    """

    def __init__(self, app: ASGIApp, bound: str, hosts: Sequence[str] = ()) -> None:
        self._app = app
        own = {"127.0.0.1", "localhost", "[::1]", bound.lower(), f"[{bound.strip('[]').lower()}]"}
        self._hosts = own.union(host for host in hosts if not host.startswith("*."))
        self._below = tuple(host[1:] for host in hosts if host.startswith("*.")) or ("\0",)
        self._any_host = not is_loopback(bound) and not hosts

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
        name = re.sub(r":\d*$", "", host)
        if not self._any_host and name not in self._hosts and not name.endswith(self._below):
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

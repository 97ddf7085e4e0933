"""Where keys are asked for, nothing is served but a page to log in; and what every page may do.

Streamlit itself has no such door: its socket, its uploads and its files would answer anybody; Gradio's is one for passwords. A browser that logged in
has a cookie that names a session of this process, and every request looks it up.
"""

from __future__ import annotations

import asyncio
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.door.login import COOKIE, LASTS, Login
from ragbot.showing.words import Words, language_of

LOG_IN, LOG_OUT = "/login", "/logout"
#: Asked by whoever looks after the server; it tells nothing.
_OPEN = {"/_stcore/health"}
#: Whatever slips through all escaping: the browser itself refuses to ask another host for anything. Streamlit's page
#: needs inline scripts and styles, and evaluates; its components come as blobs.
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    # Not "no-referrer": forms would be sent with the origin "null", like those of a page that hides where it is from.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_WORDS = Words(Path(__file__).parent)
_PAGE = Template(Path(__file__).with_name("login.html").read_text(encoding="utf-8"))
#: Bytes of what the form sends, and seconds that a wrong key costs.
_MOST, _WRONG = 4096, 0.5


class Gate:
    """ASGI middleware.

    Args:
        login: who may come in.
        language: of the page to log in: ``en``, ``zh``, or ``auto``, which the browser prefers.
    """

    def __init__(self, app: ASGIApp, login: Login, language: str = "auto") -> None:
        self._app = app
        self._login = login
        self._language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        known = await asyncio.to_thread(self._login.principal, headers.get("cookie", "")) is not None
        if scope["type"] == "websocket":
            if known:
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    out.setdefault(name, value)  # what is shown may have a stricter policy of its own
            await send(message)

        if scope["path"] in {LOG_IN, LOG_OUT} and scope["method"] == "POST":
            answer = await self._form(scope, receive, headers)
            await answer(scope, receive, guarded)
        elif known or scope["path"] in _OPEN:
            await self._app(scope, receive, guarded)
        else:
            await self._page(headers)(scope, receive, guarded)

    def _page(self, headers: Headers, wrong: bool = False) -> Response:
        """The page to log in, or a line for what is no page."""
        language = language_of(headers.get("accept-language"), self._language)
        if not wrong and "text/html" not in headers.get("accept", ""):
            return PlainTextResponse(f"{_WORDS.say(language, 'log_in_first')}\n", 401)
        texts = {key: escape(_WORDS.say(language, key)) for key in ("log_in", "log_in_hint", "key_label")}
        problem = f'<p role="alert">{escape(_WORDS.say(language, "wrong_key"))}</p>' if wrong else ""
        lang = "zh-CN" if language == "zh" else "en"
        page = _PAGE.substitute(texts, lang=lang, problem=problem, action=f".{LOG_IN}")
        return HTMLResponse(page, 401, {"cache-control": "no-store"})

    async def _form(self, scope: Scope, receive: Receive, headers: Headers) -> Response:
        if scope["path"] == LOG_OUT:
            self._login.end(headers.get("cookie", ""))
            left = RedirectResponse("./", 303)
            left.delete_cookie(COOKIE)
            return left
        body = await _body(receive)
        given = parse_qs(body.decode("utf-8", "replace")).get("key", [""])[0]
        token = await asyncio.to_thread(self._login.begin, given)
        if token is None:
            await asyncio.sleep(_WRONG)
            return self._page(headers, wrong=True)
        entered = RedirectResponse("./", 303)
        entered.set_cookie(
            COOKIE, token, max_age=int(LASTS), httponly=True, samesite="strict", secure=scope.get("scheme") == "https"
        )
        return entered


async def _body(receive: Receive) -> bytes:
    """The body of a request, as far as a form of ours is long."""
    body = bytearray()
    while len(body) <= _MOST:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body"):
            return bytes(body)
    return b""

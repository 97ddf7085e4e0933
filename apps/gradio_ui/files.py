"""What can be downloaded: conversations, and rated answers as a question set. Made when it is asked for, kept nowhere."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.gradio_ui.site import Site, Visitor
from ragbot.errors import RagbotError
from ragbot.workspace.exporting import exported

#: The addresses; an id is looked up among the visitor's conversations, and names no file.
_ADDRESS = re.compile(r"/files/(?:([0-9a-f]{1,32})\.(md|json)|feedback\.(jsonl))")
_FORMS = {
    "md": ("markdown", "text/markdown"),
    "json": ("json", "application/json"),
    "jsonl": ("questions", "application/jsonl"),
}


class Files:
    """ASGI middleware that answers ``GET /files/…`` itself."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        found = _ADDRESS.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        cookies = Headers(scope=scope).get("cookie", "")
        principal = await asyncio.to_thread(self._site.login.principal, cookies)
        if principal is None:
            await PlainTextResponse("log in first\n", 401)(scope, receive, send)
            return
        visitor = Visitor(self._site, principal, "en")
        kb = parse_qs(scope["query_string"].decode("utf-8", "replace")).get("kb", [""])[0]
        identity, ending = found[1] or "", found[2] or found[3]
        answer = await asyncio.to_thread(_file, visitor, kb, identity, ending)
        await answer(scope, receive, send)


def _file(visitor: Visitor, kb: str, identity: str, ending: str) -> Response:
    form, kind = _FORMS[ending]
    try:
        with visitor.using(kb) as bot:
            infos = [info for info in visitor.listed(bot) if identity in {"", info.id}]
            if not infos:
                return PlainTextResponse("there is no such conversation\n", 404)
            text = exported(visitor.conversations(bot), infos, form)
    except RagbotError as error:
        return PlainTextResponse(f"{error}\n", 404)
    headers = {
        "content-disposition": f'attachment; filename="ragbot-{identity or "feedback"}.{ending}"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
    }
    return Response(text.encode(), 200, headers, f"{kind}; charset=utf-8")

"""Addresses that are answered beside Gradio's page: for whom, and by what; all others go on to the page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.api.principal import Principal
from apps.gradio_ui.site import Site

#: What quotes documents is neither stored by browsers nor read by other sites.
PRIVATE = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}


class OwnAddress:
    """ASGI middleware that answers ``GET`` of one kind of address itself."""

    #: The whole path.
    address: ClassVar[re.Pattern[str]]

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self.site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        asked = scope["type"] == "http" and scope["method"] == "GET"
        found = self.address.fullmatch(scope["path"]) if asked else None
        if found is None:
            await self._app(scope, receive, send)
            return
        cookies = Headers(scope=scope).get("cookie", "")
        principal = await asyncio.to_thread(self.site.login.principal, cookies)
        refused = self.refusal(principal)
        if refused or principal is None:
            answer: Response = PlainTextResponse(f"{refused}\n", 401 if principal is None else 403)
        else:
            values = parse_qsl(scope["query_string"].decode("utf-8", "replace"))
            answer = await asyncio.to_thread(self.reply, principal, found, dict(reversed(values)))
        await answer(scope, receive, send)

    def refusal(self, principal: Principal | None) -> str:
        """Why somebody (None: nobody is logged in) gets nothing; empty if they do."""
        return "" if principal else "log in first"

    def reply(self, principal: Principal, found: re.Match[str], asked: Mapping[str, str]) -> Response:
        """The answer; it may wait, it runs in a thread.

        Args:
            principal: who asks.
            found: the address.
            asked: the first value of each name behind the question mark.
        """
        raise NotImplementedError

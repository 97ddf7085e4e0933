"""The report of a run as a page of its own: ``GET /evaluation/RUN/report.html``."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.gradio_ui.evaluation_rights import may_evaluate
from apps.gradio_ui.site import Site
from eval.contrast import contrast
from eval.figures import report_page
from eval.runs import RunStore
from ragbot.errors import RagbotError
from ragbot.settings import Settings

#: A run's name, as :class:`eval.runs.RunStore` takes it: no separator, no dot in front.
_ADDRESS = re.compile(r"/evaluation/([A-Za-z0-9_][A-Za-z0-9_.-]{0,99})/report\.html")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
#: It quotes questions and documents: its script may work in it, and reach nothing else of ours.
_HEADERS = {
    "content-security-policy": (
        "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
        "style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}


class Reports:
    """ASGI middleware that answers these addresses itself."""

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
        if principal is None or not may_evaluate(principal):
            await PlainTextResponse("this takes a key with the scope admin that sees all documents\n", 403)(
                scope, receive, send
            )
            return
        asked = parse_qs(scope["query_string"].decode("utf-8", "replace"))
        against, language = asked.get("against", [""])[0], asked.get("lang", ["en"])[0]
        answer = await asyncio.to_thread(_page, self._site.settings, found[1], against, language)
        await answer(scope, receive, send)


def _page(settings: Settings, name: str, against: str, language: str) -> Response:
    store = runs_of(settings)
    try:
        run = store.load(str(store.root / name))
        # A name alone: the store would take any path for a baseline.
        before = store.load(str(store.root / against)) if _NAME.fullmatch(against) else None
        page = report_page(run, contrast(before, run) if before else None, "zh" if language == "zh" else "en")
    except RagbotError as error:
        return PlainTextResponse(f"{error}\n", 404)
    return HTMLResponse(page, 200, _HEADERS)


def runs_of(settings: Settings) -> RunStore:
    """The runs of the data folder."""
    return RunStore(settings.data_dir.expanduser().absolute() / "eval" / "runs")

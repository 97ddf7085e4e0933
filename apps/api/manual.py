"""``/docs``: the routes for people, made in the browser of ``/openapi.json``; nothing is loaded from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

router = APIRouter(include_in_schema=False)

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}


@router.get("/")
async def front() -> Response:
    """Whoever opens the address in a browser wants to know what is here."""
    return RedirectResponse("docs")


@router.get("/docs")
async def page() -> Response:
    """The page."""
    return _file("html")


@router.get("/docs/manual.css")
async def style() -> Response:
    """Its style."""
    return _file("css")


@router.get("/docs/manual.js")
async def script() -> Response:
    """Its script."""
    return _file("js")


def _file(kind: str) -> Response:
    text = files("apps.api").joinpath(f"manual.{kind}").read_text(encoding="utf-8")
    headers = {"content-security-policy": _POLICY, "cache-control": "no-cache"}
    return Response(text, media_type=f"{_TYPES[kind]}; charset=utf-8", headers=headers)

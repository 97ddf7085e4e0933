"""For whoever looks after the server: does it live, can it answer, how does it fare."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from apps.api.common import These
from apps.api.principal import Principal, caller
from ragbot.errors import RagbotError

router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="Does the process live?", response_model=None)
async def healthz() -> dict[str, str]:
    """Always `ok`, without a key."""
    return {"status": "ok"}


@router.get("/readyz", summary="Can it answer?", response_model=None, responses={503: {"description": "It cannot."}})
async def readyz(these: These) -> Response:
    """Without a key, and so without details: 200, or 503 while it is being stopped or cannot read its data."""
    if these.drain.begun:
        return JSONResponse({"status": "stopping"}, 503)

    def look() -> None:
        with these.workspace.reading() as db:
            db.execute("SELECT 1").fetchone()
        if these.bots.default in these.bots.names():
            with these.bots.using() as bot:
                bot.kb.refresh()

    try:
        await run_in_threadpool(look)
    except RagbotError:
        return JSONResponse({"status": "not ready"}, 503)
    return JSONResponse({"status": "ready"})


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
async def metrics(these: These, _: Annotated[Principal, Depends(caller)]) -> Response:
    """Counts and times, no names of documents or people. Where keys are required, any valid one will do."""
    text = await run_in_threadpool(these.metrics.text)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

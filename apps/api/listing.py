"""``/v1/models``: each knowledge base is a model, and so is the embedder."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.concurrency import run_in_threadpool

from apps.api.common import MODEL, Caller, Parts, These
from apps.api.principal import Keyed, Principal, allowed
from apps.api.problems import ProblemError
from ragbot.settings import CATALOG

router = APIRouter(tags=["OpenAI"], route_class=Keyed)


@router.get("/v1/models", summary="List models")
async def models(principal: Caller, these: These) -> dict[str, Any]:
    """`ragbot` is the default knowledge base, `ragbot/NAME` another one; the last is the embedder."""
    allowed(principal, "read")
    return {"object": "list", "data": await run_in_threadpool(_models, these, principal)}


@router.get("/v1/models/{model:path}", summary="Look a model up")
async def model(model: Annotated[str, Path(max_length=200)], principal: Caller, these: These) -> dict[str, Any]:
    """One of them."""
    allowed(principal, "read")
    for found in await run_in_threadpool(_models, these, principal):
        if found["id"] == model:
            return found
    raise ProblemError(
        404, f"there is no model {model[:100]!r}; /v1/models lists them", param="model", code="model_not_found"
    )


def _models(these: Parts, principal: Principal) -> list[dict[str, Any]]:
    bots = these.bots
    may = principal.knowledge_bases
    found = [
        (name, int((bots.folder(name) / CATALOG).stat().st_ctime))
        for name in bots.names()
        if may is None or name in may
    ]
    rows = [_row(f"{MODEL}/{name}", made) for name, made in found]
    rows[:0] = [_row(MODEL, made) for name, made in found if name == bots.default]
    return [*rows, _row(bots.models.embedder.fingerprint.name, 0)]


def _row(identity: str, created: int) -> dict[str, Any]:
    return {"id": identity, "object": "model", "created": created, "owned_by": "ragbot"}

"""``/v1/feedback``: what somebody thinks of an answer that was kept; ``ragbot conversations export --format questions`` makes questions of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from apps.api.common import Caller, These
from apps.api.principal import Keyed, allowed
from apps.api.problems import ProblemError
from ragbot.errors import UserError
from ragbot.workspace.tickets import Tickets

router = APIRouter(tags=["ragbot"], route_class=Keyed)


class FeedbackRequest(BaseModel):
    """A rating."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(max_length=100)] = Field(
        description="`ragbot.feedback_id` of an answer that was asked for with `store`."
    )
    rating: Literal["up", "down"]
    comment: Annotated[str, Field(max_length=10_000)] = ""
    expected: Annotated[str, Field(max_length=10_000)] = Field("", description="What would have been right.")


@router.post("/v1/feedback", summary="Rate an answer")
async def rate(body: FeedbackRequest, principal: Caller, these: These) -> dict[str, Any]:
    """A second rating takes the place of the first. It is stored when this returns."""
    allowed(principal, "read")

    def put() -> None:
        Tickets(these.workspace).rate(body.id, principal.owner, body.rating, body.comment, body.expected)

    await _found(put)
    return {"id": body.id, "object": "feedback", "rating": body.rating}


@router.delete("/v1/feedback/{id}", summary="Take a rating back")
async def take_back(id: Annotated[str, Path(max_length=100)], principal: Caller, these: These) -> dict[str, Any]:
    """Nothing of it is left."""
    allowed(principal, "read")
    removed = await _found(lambda: Tickets(these.workspace).take_back(id, principal.owner))
    return {"id": id, "object": "feedback.deleted", "deleted": bool(removed)}


async def _found(call: Any) -> Any:
    try:
        return await run_in_threadpool(call)
    except UserError as error:
        raise ProblemError(404, str(error), param="id") from error

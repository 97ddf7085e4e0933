"""``/v1/knowledge-bases``: which there are, made and deleted; documents, search and jobs have files of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from apps.api import knowledge_documents, knowledge_jobs, knowledge_search
from apps.api.bots import checked_name
from apps.api.common import Caller, Parts, These
from apps.api.knowledge_common import Kb, checked
from apps.api.knowledge_shapes import tagged
from apps.api.principal import Keyed, Principal, allowed
from apps.api.problems import ProblemError
from ragbot.bot import store_options
from ragbot.errors import RagbotError
from ragbot.index.access import counts
from ragbot.index.catalog import Catalog
from ragbot.index.deletion import delete_knowledge_base
from ragbot.settings import CATALOG
from ragbot.workspace.jobs import Jobs


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Jobs go on with what a process that died has left, and wait at the next file when the server stops."""
    runner = knowledge_jobs.start(app)
    try:
        yield
    finally:
        await run_in_threadpool(runner.stop)


router = APIRouter(lifespan=_lifespan)
_own = APIRouter(tags=["Knowledge bases"], route_class=Keyed)


class NewKnowledgeBase(BaseModel):
    """A knowledge base to be made."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="Letters, digits, - _ and . (not at either end)."
    )


@_own.get("", summary="List knowledge bases")
def knowledge_bases(request: Request, principal: Caller, these: These) -> Response:
    """Those that the key opens, by name, with what its holder sees of them."""
    allowed(principal, "read")
    may = principal.knowledge_bases
    names = [name for name in these.bots.names() if may is None or name in may]
    return tagged(request, {"object": "list", "data": [_shape(these, principal, name) for name in names]})


@_own.post("", summary="Make a knowledge base", status_code=201)
def make(body: NewKnowledgeBase, principal: Caller, these: These, response: Response) -> dict[str, Any]:
    """An empty one; `admin`. A key for some knowledge bases makes those alone."""
    allowed(principal, "admin")
    name = checked_name(body.name)
    if principal.knowledge_bases is not None and name not in principal.knowledge_bases:
        raise ProblemError(403, "this key may not make a knowledge base of that name", param="name", code="forbidden")
    if name in these.bots.names():
        raise ProblemError(409, f"there is a knowledge base {name!r} already", param="name", code="exists")
    these.bots.create(name)
    response.headers["Location"] = f"/v1/knowledge-bases/{quote(name)}"
    return _shape(these, principal, name)


@_own.get("/{kb}", summary="Look a knowledge base up")
def knowledge_base(kb: Kb, request: Request, principal: Caller, these: These) -> Response:
    """What the caller sees of it."""
    return tagged(request, _shape(these, principal, checked(request, these, principal, kb, "read")))


@_own.delete("/{kb}", summary="Delete a knowledge base", status_code=204)
def delete(
    kb: Kb,
    confirm: Annotated[str, Query(max_length=200, description="Its name once more.")],
    request: Request,
    principal: Caller,
    these: These,
) -> None:
    """With its documents, indexes, uploaded files and jobs, for good; `admin`. Nothing of it can be brought back."""
    checked(request, these, principal, kb, "admin")
    if principal.groups is not None:
        raise ProblemError(403, "only a key that sees all documents may delete all of them", code="forbidden")
    if confirm != kb:
        raise ProblemError(
            400, "nothing was deleted: write the name of the knowledge base into `confirm`", param="confirm"
        )
    folder, home = these.bots.folder(kb), these.bots.home
    if folder.parent != home:
        raise ProblemError(
            403, "it lies outside of the data folder, and is deleted at the machine alone", code="forbidden"
        )
    jobs = Jobs(these.workspace)
    if any(job.state == "running" for job in jobs.all(folder)):
        raise ProblemError(409, "documents are being brought in: cancel that job first", code="busy")
    these.bots.forget(kb)
    delete_knowledge_base(home, folder.name, store_options(these.settings))
    these.bots.forget(kb)  # another request may have opened it meanwhile
    jobs.delete_all(folder)


def _shape(these: Parts, principal: Principal, name: str) -> dict[str, Any]:
    shape: dict[str, Any] = {"object": "knowledge_base", "name": name, "default": name == these.bots.default}
    try:
        catalog = Catalog(these.bots.folder(name) / CATALOG, create=False)
        try:
            return {**shape, **counts(catalog, principal.where()), "usable": True}
        finally:
            catalog.close()
    except RagbotError:  # one that is damaged must not hide the others
        return {**shape, "documents": None, "chunks": None, "usable": False}


for _part in (_own, knowledge_documents.router, knowledge_search.router, knowledge_jobs.router):
    router.include_router(_part, prefix="/v1/knowledge-bases")

"""``/v1/knowledge-bases/{kb}/jobs``: URLs and files brought in by jobs, whose progress can be followed."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from apps.api.chat_schema import Names
from apps.api.common import Caller, Parts, These
from apps.api.knowledge_common import Kb, checked, checked_access, opened
from apps.api.knowledge_events import events
from apps.api.knowledge_shapes import file, job
from apps.api.knowledge_uploads import received
from apps.api.principal import Keyed, Principal
from apps.api.problems import ProblemError
from ragbot.errors import LoaderError, UserError
from ragbot.index.access import is_seen
from ragbot.workspace.jobs import Jobs
from ragbot.workspace.jobs_records import OUTCOMES, Job, JobRequest
from ragbot.workspace.jobs_runner import JobRunner
from ragbot.workspace.jobs_uploads import discard
from ragbot.workspace.records import clean

router = APIRouter(prefix="/{kb}", tags=["Jobs"], route_class=Keyed)

JobId = Annotated[str, Path(max_length=64)]
Token = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="A name of your own for this request: sent again, it gets the same job.",
    ),
]
Url = Annotated[str, Field(min_length=1, max_length=8000)]


class JobOfUrls(BaseModel):
    """Pages to be brought in."""

    model_config = ConfigDict(extra="forbid")

    urls: Annotated[list[Url], Field(min_length=1, max_length=1000)] = Field(
        description="http(s) addresses of public servers; private networks are not reached."
    )
    access: Names | None = Field(None, description="Groups that may see them, none for everyone; default: as before.")
    tags: Names | None = None
    collection: Annotated[str, Field(max_length=100)] | None = None


def start(app: FastAPI) -> JobRunner:
    """The runner of the application's jobs, at work."""
    parts: Parts = app.state.parts
    app.state.jobs = JobRunner(Jobs(parts.workspace), parts.bots.at)
    app.state.jobs.start()
    runner: JobRunner = app.state.jobs
    return runner


@router.post("/jobs", summary="Bring pages in", status_code=202)
def bring_in(
    kb: Kb,
    body: JobOfUrls,
    request: Request,
    response: Response,
    principal: Caller,
    these: These,
    token: Token = None,
) -> dict[str, Any]:
    """`write`. It is stored when this returns, and goes on after a restart; robots.txt is obeyed."""
    from ingest.web.address import parse_url

    with opened(request, these, principal, kb, "write") as bot:
        try:
            urls = tuple(dict.fromkeys(parse_url(clean(url)).url for url in body.urls))
        except LoaderError as error:
            raise ProblemError(400, str(error), param="urls") from error
        for url in urls:
            known = bot.kb.catalog.document_at(url)
            if known and not is_seen(known, principal.where()):  # its text and its access list are not the caller's
                raise ProblemError(403, "one of these pages cannot be brought in with this key", param="urls")
        wish = _request(principal, urls, body.access, body.tags, body.collection)
        return _submitted(request, response, these, principal, kb, wish, token)


@router.post(
    "/uploads",
    summary="Bring files in",
    status_code=202,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["files"],
                        "properties": {
                            "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                            "access": {"type": "array", "items": {"type": "string"}},
                            "tags": {"type": "array", "items": {"type": "string"}},
                            "collection": {"type": "string"},
                        },
                    }
                }
            },
        }
    },
)
async def upload(
    kb: Kb, request: Request, response: Response, principal: Caller, these: These, token: Token = None
) -> dict[str, Any]:
    """`write`. Files are stored whole when this returns; what they are called is only a name. Fields that are repeated are
    lists: `files`, `access`, `tags`."""

    def submit(kept: Any, access: Any, tags: Any, collection: Any) -> dict[str, Any]:
        paths = tuple(dict.fromkeys(str(one.path) for one in kept))
        new = tuple(str(one.path) for one in kept if one.is_new)
        wish = _request(principal, paths, access, tags, collection, new)
        return _submitted(request, response, these, principal, kb, wish, token)

    return await received(request, these, principal, kb, submit)


@router.get("/jobs", summary="List jobs")
def jobs(
    kb: Kb, request: Request, principal: Caller, these: These, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> dict[str, Any]:
    """`write`. The newest first; whoever does not see all documents sees the own ones."""
    folder = these.bots.folder(checked(request, these, principal, kb, "write"))
    owner = None if principal.groups is None else principal.owner
    found = Jobs(these.workspace).all(folder, owner, limit)
    return {"object": "list", "data": [job(one, kb) for one in found]}


@router.get("/jobs/{job_id}", summary="Look a job up")
def one(kb: Kb, job_id: JobId, request: Request, principal: Caller, these: These) -> dict[str, Any]:
    """`write`. How it stands, and how far it has come."""
    return job(found_job(request, these, principal, kb, job_id), kb)


@router.get("/jobs/{job_id}/files", summary="What became of each file")
def files(
    kb: Kb,
    job_id: JobId,
    request: Request,
    principal: Caller,
    these: These,
    outcome: Annotated[str | None, Query(max_length=20)] = None,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> dict[str, Any]:
    """`write`. By source, with the reasons of those that failed; `outcome` picks some."""
    found = found_job(request, these, principal, kb, job_id)
    if outcome is not None and outcome not in OUTCOMES:
        raise ProblemError(400, f"outcome is one of {', '.join(OUTCOMES)}", param="outcome")
    rows = Jobs(these.workspace).files(found.id, outcome, offset, limit + 1)
    more = len(rows) > limit
    return {
        "object": "list",
        "data": [file(row) for row in rows[:limit]],
        "next_offset": offset + limit if more else None,
    }


@router.post("/jobs/{job_id}/cancel", summary="Stop a job")
def cancel(kb: Kb, job_id: JobId, request: Request, principal: Caller, these: These) -> dict[str, Any]:
    """`write`. After the file that it is at; what was stored stays."""
    return job(Jobs(these.workspace).cancel(found_job(request, these, principal, kb, job_id).id), kb)


@router.delete("/jobs/{job_id}", summary="Forget a job", status_code=204)
def forget(kb: Kb, job_id: JobId, request: Request, principal: Caller, these: These) -> None:
    """`write`. A finished one, with its report; the documents stay."""
    found = found_job(request, these, principal, kb, job_id)
    if not found.finished:
        raise ProblemError(409, f"the job is {found.state}: cancel it first", code="busy")
    Jobs(these.workspace).delete([found.id])


@router.get("/jobs/{job_id}/events", summary="Follow a job", response_class=StreamingResponse)
def follow(kb: Kb, job_id: JobId, request: Request, principal: Caller, these: These) -> StreamingResponse:
    """`write`. Server-sent events: `job` whenever it changes, the last one when it is finished."""
    found = found_job(request, these, principal, kb, job_id)

    def look() -> tuple[str, bool]:
        now = Jobs(these.workspace).get(found.id)
        return json.dumps(job(now, kb), ensure_ascii=False), now.finished

    return StreamingResponse(events(look, these.drain), media_type="text/event-stream")


def found_job(request: Request, these: Parts, principal: Principal, kb: str, identity: str) -> Job:
    """A job of this knowledge base that the caller may know of. Raises HTTPException 404 for any other."""
    folder = these.bots.folder(checked(request, these, principal, kb, "write"))
    gone = ProblemError(404, f"there is no job {identity!r}", param="job_id", code="not_found")
    try:
        found = Jobs(these.workspace).get(identity)
    except UserError as error:
        raise gone from error
    if found.kb != str(folder) or (principal.groups is not None and found.owner != principal.owner):
        raise gone
    return found


def _request(
    principal: Principal, paths: Any, access: Any, tags: Any, collection: Any, uploads: tuple[str, ...] = ()
) -> JobRequest:
    return JobRequest(
        tuple(paths),
        uploads,
        None if access is None else checked_access(principal, map(clean, access)),
        None if tags is None else tuple(map(clean, tags)),
        None if collection is None else clean(collection),
        allow_private=False,  # what the owner allows at the machine is not everybody's
    )


def _submitted(
    request: Request,
    response: Response,
    these: Parts,
    principal: Principal,
    kb: str,
    wish: JobRequest,
    token: str | None,
) -> dict[str, Any]:
    folder = these.bots.folder(kb)
    jobs = Jobs(these.workspace)
    try:
        made = jobs.submit(folder, wish, principal.owner, token)
    except UserError as error:
        discard(wish.uploads, ())
        raise ProblemError(422, str(error), param="Idempotency-Key", code="idempotency") from error
    if made.finished:  # the answer to a request that was sent again: nobody comes for these copies
        with these.bots.using(kb) as bot:
            discard(wish.uploads, [document.source for document in bot.documents()])
    request.app.state.jobs.wake()
    response.headers["Location"] = f"/v1/knowledge-bases/{quote(kb)}/jobs/{made.id}"
    return job(made, kb)

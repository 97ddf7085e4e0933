"""``/v1/knowledge-bases/{kb}/search``, and what is alike, repeated, or talked about in it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from apps.api.chat_schema import Where
from apps.api.chat_wishes import filter_of
from apps.api.common import Caller, These
from apps.api.knowledge_common import DocumentId, Kb, document_for, opened, worked
from apps.api.knowledge_shapes import chunk, document, explanation, hit, plain, tagged
from apps.api.principal import Keyed, allowed
from apps.api.problems import ProblemError
from ragbot.exploring.collection import ProgressCallback
from ragbot.exploring.duplicates import Duplicates
from ragbot.exploring.similar import SimilarDocument
from ragbot.exploring.topics import Topics
from ragbot.workspace.records import clean

router = APIRouter(prefix="/{kb}", tags=["Search"], route_class=Keyed)


class SearchRequest(BaseModel):
    """What is looked for."""

    model_config = ConfigDict(extra="forbid")

    query: Annotated[str, Field(min_length=1, max_length=20_000)]
    top_k: Annotated[int, Field(ge=1, le=100)] = 10
    explain: bool = Field(False, description="Also say why each hit was found, and what each step changed.")
    where: Where = Field(default_factory=Where, description="Which documents are searched.")


@router.post("/search", summary="Search")
async def search(kb: Kb, body: SearchRequest, request: Request, principal: Caller, these: These) -> dict[str, Any]:
    """The passages that fit best, best first."""
    query = clean(body.query)
    if not query.strip():
        raise ProblemError(400, "the query is empty: write what to look for", param="query")
    allowed(principal, "read", kb)
    where = principal.where(filter_of(body.where))

    def found(_: Any) -> dict[str, Any]:
        with opened(request, these, principal, kb) as bot:
            if body.explain:
                return explanation(bot.explain(query, body.top_k, where))
            return {"hits": [hit(one) for one in bot.search(query, body.top_k, where)]}

    return {"object": "search", "query": query, **await worked(request, these, found)}


@router.get("/documents/{document_id}/similar", summary="Similar documents")
async def similar(
    kb: Kb,
    document_id: DocumentId,
    request: Request,
    principal: Caller,
    these: These,
    top_k: Annotated[int, Query(ge=1, le=100)] = 10,
) -> Response:
    """Those that are most like it, best first, with the passages that are most alike."""
    allowed(principal, "read", kb)

    def alike(_: Any) -> list[SimilarDocument]:
        with opened(request, these, principal, kb) as bot:
            return bot.similar(document_for(bot, principal, document_id).source, top_k, principal.where())

    found = await worked(request, these, alike)
    rows = [
        {
            "document": document(one.document, principal),
            "score": one.score,
            "matches": [
                {"passage": chunk(pair.passage), "other": chunk(pair.other), "similarity": pair.similarity}
                for pair in one.matches
            ],
        }
        for one in found
    ]
    return tagged(request, {"object": "list", "data": plain(rows)})


@router.get("/topics", summary="Topics")
async def topics(
    kb: Kb,
    request: Request,
    principal: Caller,
    these: These,
    count: Annotated[
        int | None, Query(ge=1, le=50, description="How many; default: as many as tell best apart.")
    ] = None,
) -> Response:
    """What the documents are about that the caller may see, the largest topic first."""
    allowed(principal, "read", kb)

    def talked_about(check: ProgressCallback) -> Topics:
        with opened(request, these, principal, kb) as bot:
            return bot.topics(count, principal.where(), check)

    found = await worked(request, these, talked_about)
    rows = [
        {
            "number": topic.number,
            "title": topic.title,
            "keywords": list(topic.keywords),
            "language": topic.language,
            "languages": dict(topic.languages),
            "chunks": topic.chunks,
            "share": topic.share,
            "documents": [
                {"document": document(one.document, principal), "chunks": one.chunks, "share": one.share}
                for one in topic.documents
            ],
            "passages": [chunk(one) for one in topic.passages],
        }
        for topic in found.topics
    ]
    data = {
        "object": "list",
        "data": rows,
        "chunks": found.chunks,
        "total": found.total,
        "silhouette": found.silhouette,
    }
    return tagged(request, plain(data))


@router.get("/duplicates", summary="Duplicates")
async def duplicates(kb: Kb, request: Request, principal: Caller, these: These) -> Response:
    """Pairs of documents that share text, most alike first."""
    allowed(principal, "read", kb)

    def repeated(check: ProgressCallback) -> Duplicates:
        with opened(request, these, principal, kb) as bot:
            return bot.duplicates(principal.where(), progress=check)

    found = await worked(request, these, repeated)
    rows = [
        {
            "document": document(pair.document, principal),
            "other": document(pair.other, principal),
            "relation": pair.relation,
            "shared": pair.shared,
            "other_shared": pair.other_shared,
            "newer": pair.newer,
        }
        for pair in found.pairs
    ]
    return tagged(request, plain({"object": "list", "data": rows, "documents": found.documents}))

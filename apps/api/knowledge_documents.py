"""``/v1/knowledge-bases/{kb}/documents``: listed, read, removed; and who may see them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from apps.api.chat_schema import Names, Where
from apps.api.chat_wishes import filter_of
from apps.api.common import Caller, These
from apps.api.knowledge_common import DocumentId, Kb, checked_access, document_for, opened
from apps.api.knowledge_shapes import chunk, document, require_match, tagged
from apps.api.principal import Keyed
from ragbot.index.access import text_of

router = APIRouter(prefix="/{kb}/documents", tags=["Documents"], route_class=Keyed)

Offset = Annotated[int, Query(ge=0, le=10**9, description="How many to pass over.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="The most in one answer.")]
#: Characters of a document in one answer.
_LONGEST = 1_000_000


class Listed(Where):
    """Which documents are listed, and which page of them."""

    contains: Annotated[str, Field(max_length=200)] = Field("", description="In the title or the source, in any case.")
    offset: Annotated[int, Field(ge=0, le=10**9)] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class Access(BaseModel):
    """Who may see a document."""

    model_config = ConfigDict(extra="forbid")

    groups: Names = Field(description="Names of groups or people; none for everyone.")


@router.get("", summary="List documents")
def documents(
    kb: Kb, listed: Annotated[Listed, Query()], request: Request, principal: Caller, these: These
) -> Response:
    """By source; `next_offset` is null on the last page. Those that the caller may not see do not count."""
    where, words = principal.where(filter_of(listed)), listed.contains.casefold().strip()
    end = listed.offset + listed.limit
    with opened(request, these, principal, kb) as bot:
        if words:  # SQLite knows the case of ASCII alone
            fitting = [
                one
                for one in bot.kb.catalog.documents(where)
                if words in one.title.casefold() or words in one.source.casefold()
            ]
            total, found = len(fitting), fitting[listed.offset : end]
        else:
            total, found = bot.kb.catalog.page(where, listed.offset, listed.limit)
    data: dict[str, Any] = {
        "object": "list",
        "total": total,
        "data": [document(one, principal) for one in found],
        "next_offset": end if end < total else None,
    }
    return tagged(request, data)


@router.get("/{document_id}", summary="Look a document up")
def one(kb: Kb, document_id: DocumentId, request: Request, principal: Caller, these: These) -> Response:
    """Without its text."""
    with opened(request, these, principal, kb) as bot:
        return tagged(request, document(document_for(bot, principal, document_id), principal))


@router.get("/{document_id}/text", summary="Read a document")
def text(
    kb: Kb,
    document_id: DocumentId,
    request: Request,
    principal: Caller,
    these: These,
    start: Annotated[int, Query(ge=0, le=10**12)] = 0,
    length: Annotated[int, Query(ge=1, le=_LONGEST)] = _LONGEST,
) -> Response:
    """Its text, or a part: every quote and chunk equals a slice of it, in characters (Unicode code points)."""
    with opened(request, these, principal, kb) as bot:
        found = document_for(bot, principal, document_id)
        whole = text_of(bot.kb.catalog, found.id, principal.where())
    piece = whole[start : start + length]
    end = start + len(piece)
    return tagged(request, {"document_id": found.id, "start": start, "end": end, "total": len(whole), "text": piece})


@router.get("/{document_id}/chunks", summary="A document's chunks")
def chunks(
    kb: Kb,
    document_id: DocumentId,
    request: Request,
    principal: Caller,
    these: These,
    offset: Offset = 0,
    limit: Limit = 200,
) -> Response:
    """In their order, with their places in its text."""
    with opened(request, these, principal, kb) as bot:
        found = bot.kb.catalog.chunks_of(document_for(bot, principal, document_id))
    end = offset + limit
    data: dict[str, Any] = {
        "object": "list",
        "total": len(found),
        "data": [chunk(one, with_document=False) for one in found[offset:end]],
        "next_offset": end if end < len(found) else None,
    }
    return tagged(request, data)


@router.put("/{document_id}/access", summary="Say who may see a document")
def set_access(
    kb: Kb, document_id: DocumentId, body: Access, request: Request, principal: Caller, these: These
) -> Response:
    """`write`. It holds from the next request on. With `If-Match`, only while the document is as it was."""
    with opened(request, these, principal, kb, "write") as bot:
        groups = checked_access(principal, body.groups)
        found = document_for(bot, principal, document_id)
        require_match(request, document(found, principal))
        with bot.kb.writing() as catalog:
            found = document_for(bot, principal, document_id)  # as it is under the lock
            catalog.set_acl(found.source, groups)
        return tagged(request, document(document_for(bot, principal, document_id), principal))


@router.delete("/{document_id}", summary="Remove a document", status_code=204)
def remove(kb: Kb, document_id: DocumentId, request: Request, principal: Caller, these: These) -> None:
    """`write`. With every trace of its text; an uploaded file goes, too. With `If-Match`, only while it is as it was."""
    with opened(request, these, principal, kb, "write") as bot:
        found = document_for(bot, principal, document_id)
        require_match(request, document(found, principal))
        bot.remove(found.source)

"""Documents, chunks, hits, topics and jobs as JSON; and answers that a client need not fetch twice."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from apps.api.principal import Principal
from apps.api.problems import ProblemError
from ragbot.documents import Chunk, Document, ScoredChunk
from ragbot.index.labels import COLLECTION, tags_of
from ragbot.retrieval.explanation import Explanation
from ragbot.workspace.jobs_records import FileOutcome, Job
from ragbot.workspace.records import clean

#: Of the metadata, what stands in fields of its own, and what only serves the next fetch of a page.
_NOT_SHOWN = {"tags", "given_tags", COLLECTION, "etag", "last_modified"}


def document(found: Document, principal: Principal) -> dict[str, Any]:
    """A document without its text; its access list for those who may change it."""
    shape: dict[str, Any] = {
        "object": "document",
        "id": found.id,
        "source": found.source,
        "title": found.title,
        "type": found.type,
        "language": found.language,
        "date": found.date,
        "tags": list(tags_of(found.metadata)),
        "collection": found.metadata.get(COLLECTION),
        "metadata": {key: value for key, value in found.metadata.items() if key not in _NOT_SHOWN},
    }
    return {**shape, "access": list(found.acl)} if "write" in principal.scopes else shape


def chunk(found: Chunk, with_document: bool = True) -> dict[str, Any]:
    """A chunk: ``text`` is the document's from ``start`` to ``end``."""
    owner = found.document
    shape: dict[str, Any] = {
        "id": found.id,
        "ordinal": found.ordinal,
        "start": found.start,
        "end": found.end,
        "page": found.page,
        "headings": list(found.headings),
        "text": found.text,
    }
    if with_document:
        shape |= {"document_id": owner.id, "source": owner.source, "title": owner.title}
    return shape


def hit(found: ScoredChunk) -> dict[str, Any]:
    """A passage that was found."""
    return {**chunk(found.chunk), "score": _number(found.score), "duplicates": [plain(one) for one in found.duplicates]}


def explanation(found: Explanation) -> dict[str, Any]:
    """Hits with their reasons."""
    hits = [
        {
            **hit(one.hit),
            "rank": one.rank,
            "components": [plain(part) for part in one.components],
            "matched": [*one.matched],
        }
        for one in found.hits
    ]
    return {
        "hits": hits,
        "terms": [plain(term) for term in found.terms],
        "steps": [plain(step) for step in found.steps],
        "chunks": found.chunks,
        "searched": found.searched,
    }


def job(found: Job, kb: str) -> dict[str, Any]:
    """A job: what was asked for, how it stands, how far it has come."""
    return {
        "object": "ingest.job",
        "id": found.id,
        "knowledge_base": kb,
        "state": found.state,
        "cancelling": found.cancelling,
        "created": found.created,
        "updated": found.updated,
        "attempts": found.attempts,
        "error": found.error or None,
        "sources": [path.rpartition("/")[2] if path.startswith("/") else path for path in found.request.paths],
        "access": None if found.request.access is None else list(found.request.access),
        "counts": dict(found.counts),
        "report": dict(found.report) or None,
        "progress": plain(found.progress) if found.progress else None,
    }


def file(found: FileOutcome) -> dict[str, Any]:
    """What became of a source."""
    return {"source": found.source, "outcome": found.outcome, "reason": found.reason or None}


def plain(value: Any) -> Any:
    """Dataclasses and what is in them as JSON has it; a number that is none becomes null."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return clean(value)
    return _number(value) if isinstance(value, float) else value


def tag_of(data: Any) -> str:
    """The ETag of ``data``: the same for the same JSON (RFC 9110, section 8.8.3)."""
    text = json.dumps(plain(data), ensure_ascii=False, sort_keys=True)
    return f'"{hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()}"'


def tagged(request: Request, data: dict[str, Any]) -> Response:
    """``data`` with its ETag; 304 where the client has it already."""
    tag = tag_of(data)
    # What one caller sees is not what another one does.
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if tag in _tags(request, "if-none-match"):
        return Response(status_code=304, headers=headers)
    return JSONResponse(plain(data), headers=headers)


def require_match(request: Request, data: dict[str, Any]) -> None:
    """Raise ProblemError 412 where the client names a state (``If-Match``) that is not that of ``data``."""
    wanted = _tags(request, "if-match")
    if wanted and "*" not in wanted and tag_of(data) not in wanted:
        raise ProblemError(412, "it was changed meanwhile: look at it again, and then decide", code="changed")


def _tags(request: Request, header: str) -> set[str]:
    return {one.strip().removeprefix("W/") for one in request.headers.get(header, "").split(",") if one.strip()}


def _number(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None

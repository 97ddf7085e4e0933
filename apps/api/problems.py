"""What went wrong, in the shape of OpenAI's errors: ``{"error": {"message", "type", "param", "code"}}``.

The official clients make exceptions of it. What a caller can put right is said in ragbot's own words; of what is wrong
on this side, the caller gets the request's id, and the log the rest: such a message may name folders.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from apps.api.bots import UnknownKnowledgeBaseError
from ragbot.errors import (
    EmbedderMismatchError,
    GenerationError,
    KnowledgeBaseError,
    LockedError,
    ModelNotFoundError,
    RagbotError,
    StorageError,
    UserError,
)
from ragbot.workspace.records import clean

log = logging.getLogger(__name__)

#: Errors of ours, the narrower ones first: the status, the code, and what is said instead of their own message.
_KNOWN: tuple[tuple[type[RagbotError], int, str, str], ...] = (
    (UnknownKnowledgeBaseError, 404, "not_found", ""),
    (EmbedderMismatchError, 409, "embedder_mismatch", "another embedding model built this knowledge base"),
    (ModelNotFoundError, 409, "model_not_available", "a model that this needs is not installed on the server"),
    (UserError, 400, "invalid_request", ""),
    (LockedError, 409, "locked", "another process is writing to this knowledge base: try again in a moment"),
    (StorageError, 503, "storage", "the server cannot store anything at the moment"),
    (KnowledgeBaseError, 503, "not_usable", "this knowledge base cannot be used at the moment"),
    (GenerationError, 502, "model_failed", "the chat model failed, or cannot be reached"),
)
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ProblemError(HTTPException):
    """An error of the caller's, with the parameter that it is about and a code for programs."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.param, self.code = param, code


class ClientLeftError(Exception):
    """The caller has closed the connection; nobody reads what would be answered."""


def body(status: int, message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """The JSON of an error."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": clean(message), "type": kind, "param": param, "code": code}}


def of(error: Exception, request_id: str = "") -> tuple[int, dict[str, Any]]:
    """Status and JSON of any exception; one that nobody foresaw is logged."""
    if isinstance(error, HTTPException):
        code = getattr(error, "code", None) or _code(error.status_code)
        return error.status_code, body(error.status_code, str(error.detail), getattr(error, "param", None), code)
    for kind, status, code, said in _KNOWN:
        if isinstance(error, kind):
            if said:
                log.warning("request %s: %s", request_id, error)
            message = f"{said} (request {request_id}; the log of the server says more)" if said else str(error)
            return status, body(status, message, None, code)
    log.error("request %s failed", request_id, exc_info=error)
    return 500, body(500, f"the server failed (request {request_id}; its log says why)", None, "internal")


def install(app: FastAPI) -> None:
    """Answer errors of ``app`` in this shape; what nobody foresaw, :mod:`apps.api.telemetry` does."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        status, said = of(error, request_id(request))
        return JSONResponse(said, status, dict(getattr(error, "headers", None) or {}))

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first: Mapping[str, Any] = next(iter(error.errors()), {})
        place = [str(part) for part in first.get("loc", ())][1:]  # the first one is body, query or path
        param = clean(".".join(place)) or None
        message = str(first.get("msg", "the request cannot be read"))
        return JSONResponse(body(400, f"{param}: {message}" if param else message, param, "invalid_request"), 400)

    app.add_exception_handler(RequestValidationError, invalid)
    for kind in (HTTPException, RagbotError):
        app.add_exception_handler(kind, answer)


def request_id(request: Request) -> str:
    """The id that a request goes by in the log; empty where the application is used without its own telemetry."""
    return str(request.scope.get("ragbot", {}).get("id", ""))


def _code(status: int) -> str | None:
    return {
        401: "invalid_api_key",
        403: "forbidden",
        404: "not_found",
        413: "too_large",
        429: "rate_limit_exceeded",
    }.get(status)

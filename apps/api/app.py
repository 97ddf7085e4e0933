"""The application: its parts put together, its routes, and what stands before them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import Depends, FastAPI
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from starlette.middleware.cors import CORSMiddleware

from apps.api import agent, chat, chat_feedback, embeddings, health, knowledge, listing, manual, problems
from apps.api.bots import Bots
from apps.api.common import Parts, admitted
from apps.api.draining import Drain, Draining
from apps.api.gate import Gate
from apps.api.guard import MIB, Guard
from apps.api.limits import Limits
from apps.api.metrics import Metrics
from apps.api.telemetry import Telemetry
from apps.api.tracing import Tracing
from ragbot import __version__
from ragbot.sections.mcp import is_loopback
from ragbot.settings import Settings, load_settings
from ragbot.workspace.opening import workspace_path
from ragbot.workspace.store import Workspace

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ragbot.models.embedders.base import Embedder

_ABOUT = (
    "Answers from your own documents, in Chinese and English, with the exact characters that carry each sentence. The "
    "routes under OpenAI are OpenAI's, with a field `ragbot` beside them."
)
#: Routes that work: each counts against the limits of its caller.
_WORKING = (chat.router, embeddings.router, listing.router, knowledge.router, agent.router, chat_feedback.router)


class ErrorDetail(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """Any answer that is not 2xx."""

    error: ErrorDetail


def create_app(
    settings: Settings | None = None,
    *,
    embedder: Embedder | None = None,
    llm: BaseChatModel | str | None = None,
    workspace: Workspace | None = None,
    tracing: Tracing | None = None,
) -> FastAPI:
    """The server as an ASGI application.

    Args:
        settings: default: read from ``ragbot.toml`` and the environment.
        embedder, llm: instances instead of what the settings name.
        workspace: that of the settings, if it is open already; the application closes it.
        tracing: instead of what ``server.traces`` says.

    Raises:
        MissingExtraError: ``server.traces`` is set, and OpenTelemetry is not installed.
        KnowledgeBaseError: the workspace cannot be opened.
    """
    settings = settings or load_settings()[0]
    server = settings.server
    if tracing is None and server.traces:
        tracing = Tracing(server.traces)
    metrics = Metrics()
    parts = Parts(
        settings,
        Bots(settings, embedder=embedder, llm=llm),
        workspace or Workspace(workspace_path(settings)),
        Gate(server.slots, server.queue, server.queue_seconds, metrics.line),
        Limits(),
        metrics,
        Drain(server.stop_seconds),
        tracing,
    )
    app = FastAPI(
        title="ragbot",
        version=__version__,
        description=_ABOUT,
        docs_url=None,  # those pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        separate_input_output_schemas=False,
    )
    app.state.parts, app.state.bots, app.state.workspace = parts, parts.bots, parts.workspace
    # On the loopback, keys are asked for as soon as there is one; elsewhere always.
    app.state.keys_required = None if is_loopback(server.host) else True
    problems.install(app)
    _route(app)
    # The last one that is added stands before all others.
    app.add_middleware(Draining, drain=parts.drain)
    if server.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=server.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                "authorization",
                "content-type",
                "idempotency-key",
                "if-match",
                "if-none-match",
                "x-request-id",
            ],
            expose_headers=["x-request-id", "retry-after", "etag", "location"],
        )
    app.add_middleware(
        Guard,
        bound=server.host,
        hosts=server.allowed_hosts,
        origins=server.cors_origins,
        max_body=server.max_body_mb * MIB,
        max_upload=server.max_upload_mb * MIB,
    )
    app.add_middleware(Telemetry, metrics=metrics, tracing=tracing)
    return app


def _route(app: FastAPI) -> None:
    errors: dict[int | str, dict[str, Any]] = {"4XX": {"model": ErrorBody}, "5XX": {"model": ErrorBody}}
    for router in _WORKING:
        app.include_router(router, dependencies=[Depends(admitted)], responses=errors)
    app.include_router(health.router)
    app.include_router(manual.router)
    made = app.openapi

    def described() -> dict[str, Any]:
        schema = made()
        kinds = schema.setdefault("components", {}).setdefault("securitySchemes", {})
        kinds["key"] = {"type": "http", "scheme": "bearer", "description": "`ragbot keys create` makes one."}
        schema["security"] = [{"key": []}, {}]
        return schema

    app.openapi = described  # type: ignore[method-assign]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    parts.drain.listen()
    try:
        yield
    finally:
        parts.drain.stop_listening()
        parts.gate.close()
        await run_in_threadpool(parts.bots.close)
        await run_in_threadpool(parts.workspace.close)
        if parts.tracing:
            await run_in_threadpool(parts.tracing.close)

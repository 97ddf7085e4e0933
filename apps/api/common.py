"""What routes share: the parts of the application, who calls, and which knowledge base is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from apps.api.bots import Bots
from apps.api.draining import Drain
from apps.api.gate import Gate
from apps.api.limits import Allowance, Limits
from apps.api.metrics import Metrics
from apps.api.principal import Principal, allowed, caller
from apps.api.problems import ProblemError
from apps.api.telemetry import add_headers, note
from apps.api.tracing import Tracing
from ragbot.settings import Settings
from ragbot.workspace.store import Workspace

#: The model that stands for the default knowledge base; ``ragbot/NAME`` stands for another one.
MODEL = "ragbot"


@dataclass(frozen=True)
class Parts:
    """What the application is made of; ``app.state.parts``."""

    settings: Settings
    bots: Bots
    workspace: Workspace
    gate: Gate
    limits: Limits
    metrics: Metrics
    drain: Drain
    tracing: Tracing | None


def parts(request: Request) -> Parts:
    """The parts of the application that answers ``request``."""
    found = request.app.state.parts
    assert isinstance(found, Parts)
    return found


def allowance(principal: Principal, settings: Settings) -> Allowance:
    """What a caller may do in a minute: what the key says, else the settings."""
    server = settings.server
    requests, tokens = principal.requests_per_minute, principal.tokens_per_minute
    return Allowance(
        server.requests_per_minute if requests is None else requests,
        server.tokens_per_minute if tokens is None else tokens,
    )


def admitted(request: Request, principal: Annotated[Principal, Depends(caller)]) -> Principal:
    """The caller, whose request is counted. Raises ProblemError: 429, too many of them."""
    note(request, key=principal.key_id)
    these = parts(request)
    add_headers(request, these.limits.admit(principal.owner, allowance(principal, these.settings)))
    return principal


def charge(request: Request, principal: Principal, read: int, written: int) -> None:
    """Count the tokens of an answer."""
    these = parts(request)
    note(request, input_tokens=read, output_tokens=written)
    these.limits.spend(principal.owner, allowance(principal, these.settings), read + written)


Caller = Annotated[Principal, Depends(admitted)]
These = Annotated[Parts, Depends(parts)]


def knowledge_base(request: Request, bots: Bots, principal: Principal, model: str, scope: str = "read") -> str:
    """The name of the knowledge base that a model's name stands for.

    Raises:
        HTTPException: 404, there is none that the caller may know of; 403, the scope is missing.
    """
    family, slash, name = model.partition("/")
    unknown = ProblemError(
        404, f"there is no model {model[:100]!r}; /v1/models lists them", param="model", code="model_not_found"
    )
    if family != MODEL or bool(slash) != bool(name):
        raise unknown
    name = name or bots.default
    if principal.knowledge_bases is not None and name not in principal.knowledge_bases:
        raise unknown
    allowed(principal, scope, name)
    if name not in bots.names():
        raise unknown
    note(request, knowledge_base=name)
    return name

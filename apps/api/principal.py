"""Who calls, and what they may do: a key's holder where keys are required, else the owner of the machine."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from ragbot.index.filters import Filter
from ragbot.workspace.keys import Keys
from ragbot.workspace.keys_records import SCOPES, Key

_CHALLENGE = 'Bearer realm="ragbot"'


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls.

    Args:
        name: the name of the key; ``owner`` without one.
        scopes: of ``read``, ``write``, ``admin``; those that a stronger one includes are among them.
        knowledge_bases: names of those that may be used; None for all.
        groups: what access lists call the caller; None sees every document.
        key_id: the id of the key; None for the owner.
        requests_per_minute, tokens_per_minute: at most; None for any number.
    """

    name: str
    scopes: frozenset[str]
    knowledge_bases: frozenset[str] | None = None
    groups: tuple[str, ...] | None = None
    key_id: str | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def where(self, condition: Filter | None = None) -> Filter:
        """``condition`` for this caller: whatever it says of who asks is replaced."""
        return replace(condition or Filter(), principals=self.groups)

    @property
    def owner(self) -> str:
        """What jobs and the like are stored under: the key's id, empty for the owner of the machine."""
        return self.key_id or ""


#: The person at the machine, who can read the files anyway.
OWNER = Principal("owner", frozenset(SCOPES))


def caller(request: Request) -> Principal:
    """The dependency of every route but the health checks.

    Keys are required where ``app.state.keys_required`` says so; where it is None or missing, as soon as there is one
    in the workspace. Where none are required, a valid one still counts, with its limits; any other is passed over,
    because the official clients cannot be had without sending some.

    Raises:
        HTTPException: 401. The answer is the same for an unknown, an expired and a revoked key.
    """
    known: Principal | None = getattr(request.state, "principal", None)
    return known or _caller(request)


class Keyed(APIRoute):
    """A route that looks at the key before it reads the body: a dependency does so after that."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See :class:`fastapi.routing.APIRoute`."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            request.state.principal = await run_in_threadpool(_caller, request)
            return await handle(request)

        return handled


def _caller(request: Request) -> Principal:
    keys = Keys(request.app.state.workspace)
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    key = keys.verify(text.strip()) if scheme.lower() == "bearer" else None
    if key is not None:
        return principal_of(key)
    required = getattr(request.app.state, "keys_required", None)
    if keys.required() if required is None else required:
        raise HTTPException(
            401,
            "a valid key is needed: send it as the header Authorization: Bearer KEY (ragbot keys create makes one)",
            headers={"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"' if scheme else _CHALLENGE},
        )
    return OWNER


def principal_of(key: Key) -> Principal:
    """The holder of a key."""
    rights = key.rights
    kbs = rights.knowledge_bases
    return Principal(
        key.name,
        rights.scopes,
        None if kbs is None else frozenset(kbs),
        rights.groups,
        key.id,
        rights.requests_per_minute,
        rights.tokens_per_minute,
    )


def allowed(principal: Principal, scope: str, knowledge_base: str | None = None) -> None:
    """Refuse what the caller may not do.

    Args:
        scope: ``read``, ``write`` or ``admin``.
        knowledge_base: the one that it is about; None where it is about none.

    Raises:
        HTTPException: 404 for a knowledge base that is none of the caller's, as for one that does not exist; 403
            where the scope is missing.
    """
    if principal.knowledge_bases is not None and knowledge_base is not None:
        if knowledge_base not in principal.knowledge_bases:
            raise not_found(knowledge_base)
    if scope not in principal.scopes:
        raise HTTPException(403, f"this key may not do that: it needs the scope {scope}; ask whoever made it")


def not_found(knowledge_base: str) -> HTTPException:
    """The answer for a knowledge base that is not there, or that must not be told of."""
    return HTTPException(404, f"there is no knowledge base {knowledge_base!r}")

"""What the routes of knowledge bases share: one that is open for the caller, and what the caller may ask of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, TypeVar

from fastapi import Path, Request

from apps.api.common import Parts
from apps.api.principal import Principal, allowed, not_found
from apps.api.problems import ClientLeftError, ProblemError
from apps.api.telemetry import note
from apps.api.working import all_items
from ragbot.bot import RagBot
from ragbot.documents import Document
from ragbot.errors import SourceError
from ragbot.index.access import access_list, document_of

Done = TypeVar("Done")

#: The name of a knowledge base in an address; whether there is one is looked up.
Kb = Annotated[str, Path(max_length=200, description="The name of a knowledge base.")]
DocumentId = Annotated[int, Path(ge=0, lt=2**63, description="The number of a document.")]


def checked(request: Request, these: Parts, principal: Principal, kb: str, scope: str) -> str:
    """``kb``, if the caller may do that with it.

    Raises:
        HTTPException: 404, there is none that the caller may know of; 403, the scope is missing.
    """
    allowed(principal, scope, kb)
    if kb not in these.bots.names():
        raise not_found(kb)
    note(request, knowledge_base=kb)
    return kb


@contextmanager
def opened(request: Request, these: Parts, principal: Principal, kb: str, scope: str = "read") -> Iterator[RagBot]:
    """A bot on ``kb``. Raises as :func:`checked`."""
    with these.bots.using(checked(request, these, principal, kb, scope)) as bot:
        yield bot


async def worked(request: Request, these: Parts, call: Callable[[Callable[[object], None]], Done]) -> Done:
    """What ``call`` returns, made in a thread with a slot of the server's gate.

    Args:
        call: gets a function that it calls now and then: it raises where the caller has left.

    Raises:
        ProblemError: 429, there is no slot.
        ClientLeftError: the caller has left.
    """
    left = threading.Event()

    def check(_: object) -> None:
        if left.is_set():
            raise ClientLeftError

    def once() -> Generator[Done]:
        yield call(check)

    (done,) = await all_items(request, these.gate, once, left.set)
    return done


def document_for(bot: RagBot, principal: Principal, document_id: int) -> Document:
    """A document that the caller may see. Raises ProblemError 404 for any other."""
    try:
        return document_of(bot.kb.catalog, document_id, principal.where())
    except SourceError as error:
        raise ProblemError(404, str(error), param="document_id", code="not_found") from error


def checked_access(principal: Principal, names: Iterable[str]) -> tuple[str, ...]:
    """An access list that the caller may give to a document.

    Raises:
        UserError: a name that cannot stand in one.
        ProblemError: 400, the caller would see the document no more.
    """
    found = access_list(names)
    if found and principal.groups is not None and set(found).isdisjoint(principal.groups):
        raise ProblemError(
            400,
            "with this access list you would not see the document yourself: name one of your own groups, too",
            param="groups",
        )
    return found

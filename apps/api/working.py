"""Answers are made in threads: item by item to the event loop, stopped when the caller has left.

A slot is free again when the thread is, and not when the caller has gone: a model that is still at work is still at work.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import aclosing, closing, suppress
from typing import Any, Protocol, TypeVar

from fastapi import Request

from apps.api.gate import Gate
from apps.api.problems import ClientLeftError

Item = TypeVar("Item", covariant=True)
Done = TypeVar("Done")

#: Seconds without a piece after which a stream says that it is alive: proxies close what is silent.
PING = 15.0


class Closable(Protocol[Item]):
    """An iterator that can be given up."""

    def __iter__(self) -> Iterator[Item]: ...

    def __next__(self) -> Item: ...

    def close(self) -> None:
        """Give it up."""


async def items(
    gate: Gate, make: Callable[[], Closable[Done]], leaving: Callable[[], None] | None = None
) -> AsyncGenerator[Done]:
    """What ``make()`` yields, made in a thread that has a slot of ``gate``.

    Args:
        make: called in the thread.
        leaving: called in the event loop when the reader leaves before the end.

    Raises:
        ProblemError: 429, there is no slot.
        Exception: what the iterator raises.
    """
    slot = await gate.enter()
    loop = asyncio.get_running_loop()
    box: asyncio.Queue[tuple[bool, Any]] = asyncio.Queue()
    left = threading.Event()

    def tell(call: Callable[..., Any], *values: Any) -> None:
        with suppress(RuntimeError):  # the loop was closed: the server has stopped
            loop.call_soon_threadsafe(call, *values)

    def work() -> None:
        try:
            if left.is_set():
                return
            with closing(make()) as made:
                for item in made:
                    if left.is_set():
                        return
                    tell(box.put_nowait, (False, item))
            tell(box.put_nowait, (True, None))
        except BaseException as error:  # noqa: BLE001  # raised where the items are read
            tell(box.put_nowait, (True, error))
        finally:
            tell(slot.leave)

    context = contextvars.copy_context()
    try:
        gate.start(lambda: context.run(work))
    except BaseException:
        slot.leave()
        raise
    try:
        while True:
            last, item = await box.get()
            if not last:
                yield item
            elif item is not None:
                raise item
            else:
                return
    finally:
        if not left.is_set():
            left.set()
            if leaving:
                leaving()


async def all_items(
    request: Request, gate: Gate, make: Callable[[], Closable[Done]], leaving: Callable[[], None] | None = None
) -> list[Done]:
    """All of :func:`items`. Raises as it does, and ClientLeftError."""

    async def collected() -> list[Done]:
        async with aclosing(items(gate, make, leaving)) as stream:
            return [item async for item in stream]

    return await unless_left(request, collected())


async def unless_left(request: Request, work: Coroutine[Any, Any, Done]) -> Done:
    """What ``work`` comes to; it is cancelled when the caller closes the connection.

    The body of the request must have been read.

    Raises:
        ClientLeftError: that happened.
    """
    task, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientLeftError
        return task.result()
    finally:
        for one in (task, leaving):
            one.cancel()
        await asyncio.gather(task, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def with_pings(stream: AsyncIterator[bytes], every: float = PING) -> AsyncGenerator[bytes]:
    """The same server-sent events, with a comment wherever nothing came for ``every`` seconds."""
    following: asyncio.Future[bytes] | None = None
    try:
        while True:
            following = following or asyncio.ensure_future(anext(stream))
            await asyncio.wait({following}, timeout=every)
            if not following.done():
                yield b": \n\n"
                continue
            try:
                piece = following.result()
            except StopAsyncIteration:
                return
            following = None
            yield piece
    finally:
        if following is not None and not following.done():
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        if close := getattr(stream, "aclose", None):
            await close()

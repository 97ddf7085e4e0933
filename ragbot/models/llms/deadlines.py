"""Deadlines for HTTP answers that trickle: a server that sends only signs of life is given up, too.

The client's own timeout counts from byte to byte, so a comment line every few seconds would keep it waiting for ever.
Here each received block is a moment to look at the clock of the call (:class:`ragbot.models.llms.calls.Call`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import openai

from ragbot.models.llms.calls import Call
from ragbot.models.llms.openai_errors import transport


class Watched:
    """A call at an endpoint, and whether its first token has come."""

    def __init__(self, call: Call, what: str) -> None:
        self.call = call
        self.what = what
        self.begun = False

    def check(self) -> None:
        """Raise GenerationError once the time is over."""
        self.call.check(self.what, self.begun)

    def seconds(self, idle: float | None) -> float | None:
        """How long the client may wait for the next byte; ``idle`` is its own bound."""
        left = self.call.remaining(self.begun)
        bounds = [bound for bound in (idle, left) if bound is not None]
        return max(0.001, min(bounds)) if bounds else None


_CALL: ContextVar[Watched | None] = ContextVar("ragbot_endpoint_call", default=None)


@contextmanager
def watching(call: Watched) -> Iterator[None]:
    """Requests that are made inside belong to ``call``."""
    token = _CALL.set(call)
    try:
        yield
    finally:
        _CALL.reset(token)


class _Blocks(transport.SyncByteStream):  # type: ignore[misc]  # typed as Any: one of two packages
    def __init__(self, inner: Any, call: Watched) -> None:
        self._inner, self._call = inner, call

    def __iter__(self) -> Iterator[bytes]:
        for block in self._inner:
            self._call.check()
            yield block

    def close(self) -> None:
        self._inner.close()


class _AsyncBlocks(transport.AsyncByteStream):  # type: ignore[misc]  # as above
    def __init__(self, inner: Any, call: Watched) -> None:
        self._inner, self._call = inner, call

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for block in self._inner:
            self._call.check()
            yield block

    async def aclose(self) -> None:
        await self._inner.aclose()


def _watch(response: Any) -> None:
    if call := _CALL.get():
        response.stream = _Blocks(response.stream, call)


async def _watch_async(response: Any) -> None:
    if call := _CALL.get():
        response.stream = _AsyncBlocks(response.stream, call)


def clients(base_url: str | None, timeout: float | None) -> dict[str, Any]:
    """The HTTP clients, as ``http_client`` and ``http_async_client`` of LangChain's model; proxies by the environment."""
    options: dict[str, Any] = {"timeout": timeout} | ({"base_url": base_url} if base_url else {})
    return {
        "http_client": openai.DefaultHttpxClient(event_hooks={"response": [_watch]}, **options),
        # A kept connection would belong to the event loop that made it, which may be closed by the next call.
        "http_async_client": openai.DefaultAsyncHttpxClient(
            event_hooks={"response": [_watch_async]}, limits=transport.Limits(max_keepalive_connections=0), **options
        ),
    }

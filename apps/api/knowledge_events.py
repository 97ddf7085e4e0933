"""How a job goes on, as server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from fastapi.concurrency import run_in_threadpool

from apps.api.draining import Drain
from apps.api.working import with_pings
from ragbot.errors import UserError

#: Seconds between two looks.
EVERY = 0.5


async def events(look: Callable[[], tuple[str, bool]], drain: Drain) -> AsyncIterator[bytes]:
    """An event for each change.

    Args:
        look: what it is now as JSON, and whether it stays so; raises UserError where it is gone.
        drain: the stream ends when the server is being stopped: the client asks again when it is back.
    """

    async def changes() -> AsyncIterator[bytes]:
        before = ""
        while not drain.begun:
            try:
                now, last = await run_in_threadpool(look)
            except UserError:
                yield b"event: deleted\ndata: {}\n\n"
                return
            if now != before:
                yield f"event: job\ndata: {now}\n\n".encode()
                before = now
            if last:
                return
            await asyncio.sleep(EVERY)

    async for piece in with_pings(changes()):
        yield piece

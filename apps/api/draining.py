"""A graceful stop: what is under way is finished within a limit, what comes new is told to go elsewhere (503)."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from types import FrameType
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.api.problems import body

log = logging.getLogger(__name__)

#: Asked by whoever looks after the server, also while it stops.
_ALWAYS = {"/healthz", "/readyz", "/metrics"}
#: Seconds between two looks whether everything is finished.
_LOOK = 0.05


class Drain:
    """Whether the server is being stopped, and how many requests are under way.

    Args:
        seconds: that these may still take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.begun = False
        self.active = 0
        self._before: dict[int, Any] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: asyncio.Task[None] | None = None

    def listen(self) -> None:
        """Stand in front of the server's own handlers of SIGINT and SIGTERM, which close its sockets at once."""
        self._loop = asyncio.get_running_loop()
        if threading.current_thread() is not threading.main_thread():
            return  # signals are the main thread's business

        def asked(number: int, frame: FrameType | None) -> None:
            if self.begun:  # somebody is in a hurry
                self._pass_on(number, frame)
            else:
                self.begin(number, frame)

        for number in (signal.SIGINT, signal.SIGTERM):
            before = signal.getsignal(number)
            if callable(before):
                self._before[number] = before
                signal.signal(number, asked)

    def begin(self, number: int = signal.SIGTERM, frame: FrameType | None = None) -> None:
        """Refuse what is new, wait for what is under way, then hand the signal on; from any thread."""
        self.begun = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin, number, frame)

    def stop_listening(self) -> None:
        """Put the handlers back."""
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()

    def _begin(self, number: int, frame: FrameType | None) -> None:
        if self._waiting is None:
            log.info("stopping: %d requests are under way", self.active)
            self._waiting = asyncio.get_running_loop().create_task(self._wait(number, frame))

    async def _wait(self, number: int, frame: FrameType | None) -> None:
        deadline = time.monotonic() + self.seconds
        while self.active and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK)
        if self.active:
            log.warning("stopping: %d requests were not finished in %g seconds", self.active, self.seconds)
        self._pass_on(number, frame)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        if before := self._before.get(number):
            before(number, frame)


class Draining:
    """ASGI middleware that counts requests, and refuses them once the server is being stopped."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app, self._drain = app, drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self._app(scope, receive, send)
            return
        if self._drain.begun:
            said = body(503, "the server is being stopped: try again in a moment", None, "stopping")
            headers = {"Retry-After": "5", "Connection": "close"}
            await JSONResponse(said, 503, headers)(scope, receive, send)
            return
        self._drain.active += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._drain.active -= 1

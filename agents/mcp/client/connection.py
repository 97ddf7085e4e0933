"""One server: started when it is first needed, watched, and started anew after a crash."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import anyio
import httpx
from anyio.abc import TaskStatus
from anyio.from_thread import BlockingPortal
from mcp import types
from mcp.client.session import ClientSession
from mcp.shared.exceptions import McpError
from mcp.shared.message import SessionMessage

from agents.mcp.client.secrets import Secrets
from agents.mcp.client.transport import LastWords, connected
from ragbot.sections.mcp import McpServer

log = logging.getLogger(__name__)

#: Tools of one server, and pages that its list may come in.
MAX_TOOLS, _MAX_PAGES = 128, 20
_TIMED_OUT = 408
_CLOSED = -32000
#: What the official client says of a session that the server has forgotten (HTTP 404): it was started anew.
_FORGOTTEN = 32600
#: What a server and the way to it can make the client raise.
_FAILURES = (
    OSError,
    RuntimeError,
    ValueError,
    McpError,
    httpx.HTTPError,
    anyio.ClosedResourceError,
    anyio.BrokenResourceError,
    anyio.EndOfStream,
    ExceptionGroup,
)


class ServerAwayError(Exception):
    """The server cannot be started, has crashed, or does not answer; ``problem`` is ``start``, ``crash`` or ``timeout``."""

    def __init__(self, problem: str, detail: str = "") -> None:
        super().__init__(f"{problem}: {detail}" if detail else problem)
        self.problem = problem
        self.detail = detail


class RefusedError(Exception):
    """The server answered that it does not take the call."""


class _ForgottenError(Exception):
    """The server knows nothing of the session, and has not looked at the call."""


@dataclass(frozen=True, slots=True, eq=False)
class _Live:
    """A session that answers, until ``stop`` is set by us, or ``ended`` by its end."""

    session: ClientSession
    stop: anyio.Event
    ended: anyio.Event


class Connection:
    """A server and the session with it.

    Args:
        name: of the server.
        server: its settings.
        secrets: what it gets of the environment.
        portal: where its session runs.
    """

    def __init__(self, name: str, server: McpServer, secrets: Secrets, portal: BlockingPortal) -> None:
        self.name = name
        self.server = server
        self.secrets = secrets
        self._portal = portal
        self._lock = threading.Lock()
        self._live: _Live | None = None
        self._task: Future[None] | None = None

    def tools(self) -> list[types.Tool]:
        """What the server offers. Raises ServerAwayError."""
        live = self._started()
        try:
            return self._portal.call(self._listed, live)
        except _FAILURES as error:
            self._drop(live)
            raise ServerAwayError("start", self._reason(error)) from error

    def call(self, tool: str, arguments: Mapping[str, Any]) -> types.CallToolResult:
        """The result of a call, which may be an error that the tool reports.

        Raises:
            ServerAwayError: there is none; whether the call did something is not known.
            RefusedError: the server does not know the tool, or does not take the arguments.
        """
        try:
            return self._call(tool, arguments)
        except _ForgottenError:
            pass  # the call was not made: nothing is done twice
        try:
            return self._call(tool, arguments)
        except _ForgottenError as error:
            raise ServerAwayError("crash") from error

    def _call(self, tool: str, arguments: Mapping[str, Any]) -> types.CallToolResult:
        """One try of :meth:`call`; raises _ForgottenError, too."""
        live = self._started()
        try:
            found: types.CallToolResult = self._portal.call(self._called, live, tool, dict(arguments))
            return found
        except McpError as error:
            if error.error.code == _FORGOTTEN and self.server.url:
                self._drop(live)
                raise _ForgottenError from error
            if error.error.code == _TIMED_OUT:
                self._drop(live)  # whatever it is busy with, the next call shall not wait for it
                raise ServerAwayError("timeout", f"{self.server.timeout:g}") from error
            if error.error.code != _CLOSED:
                raise RefusedError(self.secrets.hidden(error.error.message)) from error
            self._drop(live)
            raise ServerAwayError("crash") from error
        except _FAILURES as error:
            self._drop(live)
            raise ServerAwayError("crash", self._reason(error)) from error

    def close(self) -> None:
        """End the session and the server's process; a process that does not end is killed."""
        with self._lock:
            live, task = self._live, self._task
        if live:
            self._drop(live)
        if task:
            with suppress(*_FAILURES):
                task.result()

    def _started(self) -> _Live:
        with self._lock:
            if self._live is not None:
                return self._live
            words = LastWords()
            try:
                self._task, live = self._portal.start_task(self._run, words, name=f"mcp {self.name}")
            except _FAILURES as error:
                reason = " / ".join(part for part in (self._reason(error), words.text()) if part)
                raise ServerAwayError("start", self.secrets.hidden(reason)[:600]) from error
            finally:
                words.close()
            assert isinstance(live, _Live)  # for mypy
            return live

    def _drop(self, live: _Live) -> None:
        if self._live is live:
            self._live = None
        self._portal.call(live.stop.set)

    def _reason(self, error: BaseException) -> str:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, TimeoutError):
            return f"no answer within {self.server.start_timeout:g} s"
        return self.secrets.hidden(" ".join((str(error) or type(error).__name__).split()))[:300]

    async def _run(self, words: LastWords, *, task_status: TaskStatus[_Live]) -> None:
        """The life of one session: everything that it needs is entered and left in this task."""
        stop, ended = anyio.Event(), anyio.Event()
        live: _Live | None = None
        try:
            async with connected(self.server, self.secrets, words) as (read, write), anyio.create_task_group() as group:
                out, into = anyio.create_memory_object_stream[SessionMessage | Exception](0)

                async def forward() -> None:
                    """Pass messages on, and notice the end of them: the session itself would say nothing."""
                    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                        async with read, out:
                            async for message in read:
                                await out.send(message)
                    stop.set()

                group.start_soon(forward)
                limit = timedelta(seconds=self.server.start_timeout)
                async with ClientSession(into, write, read_timeout_seconds=limit) as session:
                    with anyio.fail_after(self.server.start_timeout):
                        await session.initialize()
                    self._live = live = _Live(session, stop, ended)
                    task_status.started(live)
                    await stop.wait()
                group.cancel_scope.cancel()
        finally:
            ended.set()
            if live is not None and self._live is live:
                self._live = None
                log.info("the MCP server %s has ended", self.name)

    async def _listed(self, live: _Live) -> list[types.Tool]:
        found: list[types.Tool] = []
        cursor: str | None = None
        with anyio.fail_after(self.server.start_timeout):
            for _ in range(_MAX_PAGES):
                page = await live.session.list_tools(params=types.PaginatedRequestParams(cursor=cursor))
                found += page.tools
                cursor = page.nextCursor
                if cursor is None or len(found) >= MAX_TOOLS:
                    break
        return found[:MAX_TOOLS]

    async def _called(self, live: _Live, tool: str, arguments: dict[str, Any]) -> types.CallToolResult:
        # Not session.call_tool: it would run the server's own schema, with its patterns, over the result.
        asked = types.CallToolRequest(params=types.CallToolRequestParams(name=tool, arguments=arguments))
        outcome: types.CallToolResult | Exception = McpError(
            types.ErrorData(code=_CLOSED, message="the session has ended")
        )
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                """A session whose transport fails leaves its requests waiting."""
                await live.ended.wait()
                group.cancel_scope.cancel()

            group.start_soon(watch)
            try:
                outcome = await live.session.send_request(
                    types.ClientRequest(asked), types.CallToolResult, timedelta(seconds=self.server.timeout)
                )
            except _FAILURES as error:
                outcome = error
            group.cancel_scope.cancel()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

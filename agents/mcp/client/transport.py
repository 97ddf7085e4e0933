"""How a server is reached: a process of ours, or HTTP."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TextIO

import httpx
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from agents.mcp.client.process import Streams, process_streams
from agents.mcp.client.secrets import Secrets
from ragbot.sections.mcp import McpServer

#: Bytes of one HTTP response: a result, or the results of one call as events.
MAX_RESPONSE = 16 * 1024 * 1024
_CONNECT_SECONDS = 10.0
_LINES, _LINE = 20, 300


class LastWords:
    """Takes a process's standard error, keeps its last lines, and shows nothing of it."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_LINES)
        reading, writing = os.pipe()
        self.file: TextIO = os.fdopen(writing, "w")
        self._thread = threading.Thread(target=self._read, args=(reading,), name="mcp-stderr", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close our end; the process has its own."""
        self.file.close()

    def text(self) -> str:
        """The last lines so far, in one."""
        self._thread.join(0.2)  # of a process that has just ended, the last words may be on their way
        return " / ".join(self._lines)

    def _read(self, reading: int) -> None:
        with os.fdopen(reading, encoding="utf-8", errors="replace") as stream:
            while line := stream.readline(10_000):
                if line.strip():
                    self._lines.append(line.strip()[:_LINE])


@asynccontextmanager
async def connected(server: McpServer, secrets: Secrets, words: LastWords) -> AsyncIterator[Streams]:
    """The streams to and from a server.

    Raises:
        OSError: its program cannot be run.
    """
    if server.url:
        timeout = httpx.Timeout(_CONNECT_SECONDS, read=max(300.0, server.timeout + 5))
        async with (
            httpx.AsyncClient(
                headers=_unencoded(secrets.headers),
                timeout=timeout,
                trust_env=False,
                transport=_Bounded(httpx.AsyncHTTPTransport()),
            ) as client,
            streamable_http_client(server.url, http_client=client) as (read, write, _),
        ):
            yield read, write
        return
    parameters = StdioServerParameters(
        command=str(Path(server.command).expanduser()) if "/" in server.command else server.command,
        args=list(server.args),
        env=secrets.environment,
        cwd=str(Path(server.folder).expanduser()) if server.folder else None,
    )
    async with process_streams(parameters, words.file) as (read, write):
        words.close()
        yield read, write


def _unencoded(headers: Mapping[str, str]) -> httpx.Headers:
    """The headers of the settings, and that responses are wanted as they are."""
    asked = httpx.Headers(headers)
    asked["accept-encoding"] = "identity"
    return asked


class _Bounded(httpx.AsyncBaseTransport):
    """Ends a response to a call that is larger than is read; the stream of notifications (GET) has no end anyway.

    What it counts is what comes over the line: a compressed response, which nobody asked for, could be a thousand times
    as large when it is read, and is refused.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if request.method == "GET":
            return response
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding != "identity":
            await response.aclose()
            raise httpx.ReadError(f"a response that is encoded ({encoding[:40]}) was not asked for")
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _BoundedStream(response.stream)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _BoundedStream(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> Any:
        size = 0
        async for piece in self._inner:
            size += len(piece)
            if size > MAX_RESPONSE:
                raise httpx.ReadError(f"more than {MAX_RESPONSE} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()

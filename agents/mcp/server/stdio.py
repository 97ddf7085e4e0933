"""The server over standard input and output, which belong to the protocol alone: whatever else is printed goes to
standard error, by whichever library, and in whichever language it is written."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, TextIOWrapper
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

#: Bytes of one message; a client that sends more is not served on.
MAX_MESSAGE = 16 * 1024 * 1024


def serve_stdio(server: Server[Any, Any]) -> None:
    """Serve until standard input ends."""
    with _own_streams() as (reading, writing):
        anyio.run(_serve, server, reading, writing)


async def _serve(server: Server[Any, Any], reading: BufferedReader, writing: TextIOWrapper) -> None:
    lines: Any = _Lines(reading)
    async with stdio_server(stdin=lines, stdout=anyio.wrap_file(writing)) as (read, write):
        await server.run(read, write, server.create_initialization_options())


@contextmanager
def _own_streams() -> Iterator[tuple[BufferedReader, TextIOWrapper]]:
    """Streams that nobody else has; standard input is empty meanwhile, and standard output is standard error."""
    sys.stdout.flush()
    inside, outside = os.dup(0), os.dup(1)  # not inherited by the processes that parse
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        yield os.fdopen(inside, "rb", closefd=False), os.fdopen(outside, "w", encoding="utf-8", closefd=False)
    finally:
        sys.stdout.flush()
        os.dup2(inside, 0)
        os.dup2(outside, 1)
        os.close(nothing)


class _Lines:
    """The lines of a stream, read by a thread that nobody has to wait for: Ctrl-C ends the server at once."""

    def __init__(self, stream: BufferedReader) -> None:
        self._stream = stream
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, name="mcp-stdin", daemon=True).start()

    def __aiter__(self) -> _Lines:
        return self

    async def __anext__(self) -> str:
        line = await self._lines.get()
        if line is None:
            raise StopAsyncIteration
        return line

    def _read(self) -> None:
        line: bytes | None = b""
        while line is not None:
            line = self._stream.readline(MAX_MESSAGE) or None
            if line is not None and len(line) >= MAX_MESSAGE:
                line = None
            try:
                said = None if line is None else line.decode("utf-8", "replace")
                self._loop.call_soon_threadsafe(self._lines.put_nowait, said)
            except RuntimeError:  # the loop is over
                return

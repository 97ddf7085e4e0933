"""A server that is a process of ours: messages as lines over its standard streams.

The official client's transport gathers a line without a bound, and adds to it in quadratic time; here a server whose line
has no end is let go. The rest is the protocol's (Model Context Protocol 2025-06-18, transports, stdio): its input is
closed first, then it is asked to end, then it is killed. What it has started ends with it, however it ends.
"""

from __future__ import annotations

import logging
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TextIO, TypeAlias

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import StdioServerParameters, get_default_environment
from mcp.os.posix.utilities import terminate_posix_process_tree
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCMessage
from pydantic import ValidationError

#: What comes from a server and what goes to it.
Streams: TypeAlias = tuple[
    MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]
]
#: Bytes of one message.
MAX_LINE = 16 * 1024 * 1024
#: Seconds that a server may take to end once its input is closed.
_GRACE = 2.0
#: An escape of JSON; the group is half of a surrogate pair, which is no character.
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)

log = logging.getLogger(__name__)


@asynccontextmanager
async def process_streams(parameters: StdioServerParameters, errors: TextIO) -> AsyncIterator[Streams]:
    """Start a server, and end it with the block.

    Args:
        errors: takes its standard error.

    Raises:
        OSError: its program cannot be run.
    """
    process = await anyio.open_process(
        [parameters.command, *parameters.args],
        env={**get_default_environment(), **(parameters.env or {})},
        stderr=errors,
        cwd=parameters.cwd,
        start_new_session=True,
    )
    into, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, out = anyio.create_memory_object_stream[SessionMessage](0)
    assert process.stdin is not None and process.stdout is not None  # for mypy
    async with process, read, write, anyio.create_task_group() as group:
        reading = anyio.CancelScope()
        group.start_soon(_read, process.stdout, into, reading)
        group.start_soon(_write, out, process.stdin)
        group.start_soon(_watch, process, reading)
        try:
            yield read, write
        finally:
            if process.returncode is None:  # else its number may be another's by now
                with anyio.CancelScope(shield=True):
                    await _end(process)
                _kill_rest(process)
            group.cancel_scope.cancel()


async def _watch(process: Process, reading: anyio.CancelScope) -> None:
    """When the server has ended by itself, end what it has started, which may hold its output open, and the reading."""
    await process.wait()
    _kill_rest(process)
    await anyio.sleep(_GRACE)  # what it has said before is still read
    reading.cancel()


def _kill_rest(process: Process) -> None:
    """Kill what is left of a process's group; its number is not given to another one while there is something left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def _read(
    stream: ByteReceiveStream, into: MemoryObjectSendStream[SessionMessage | Exception], scope: anyio.CancelScope
) -> None:
    pieces: list[bytes] = []
    size = 0
    with scope, suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
        async with into:
            async for chunk in stream:
                *whole, rest = chunk.split(b"\n")
                for end in whole:
                    await into.send(_message(b"".join([*pieces, end])))
                    pieces, size = [], 0
                pieces.append(rest)
                size += len(rest)
                if size > MAX_LINE:
                    log.warning("an MCP server was ended: one of its messages has more than %d bytes", MAX_LINE)
                    return


def _message(line: bytes) -> SessionMessage | Exception:
    text = line.decode(errors="replace")
    try:
        return SessionMessage(JSONRPCMessage.model_validate_json(text))
    except ValidationError:
        text = _ESCAPE.sub(lambda match: r"\ufffd" if match[1] else match[0], text)
    try:
        return SessionMessage(JSONRPCMessage.model_validate_json(text))
    except ValidationError as error:
        return error


async def _write(out: MemoryObjectReceiveStream[SessionMessage], stream: ByteSendStream) -> None:
    with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
        async with out:
            async for sent in out:
                line = sent.message.model_dump_json(by_alias=True, exclude_none=True)
                await stream.send(line.encode() + b"\n")


async def _end(process: Process) -> None:
    if process.stdin is not None:
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            await process.stdin.aclose()
    with anyio.move_on_after(_GRACE):
        await process.wait()
        return
    await terminate_posix_process_tree(process)

"""One call of a tool: its arguments checked, its time and output bounded, what goes wrong made an observation."""

from __future__ import annotations

import asyncio
import difflib
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import ValidationError

from agents.protocol.signatures import parameters, signature
from agents.steps import Status
from agents.texts import filled, text
from agents.tools.base import TRAITS, Result, ToolInputError, ToolOutageError, traits_of
from agents.tools.wording import speaking

#: Seconds between two looks at whether the run was cancelled.
_TICK = 0.05


class CancelledRunError(Exception):
    """The run was given up while a tool was at work; never shown."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call."""

    status: Status
    result: Result
    seconds: float = 0.0


def call(
    tool: BaseTool,
    arguments: Mapping[str, Any],
    language: str,
    left: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Call ``tool``.

    Args:
        tool: any LangChain tool.
        arguments: as the model wrote them.
        language: of the run: of what is said about a failure, and of what our tools say.
        left: seconds that the run has left; None: any.
        cancelled: asked while the tool is at work.

    Raises:
        CancelledRunError: ``cancelled`` said so. The tool's thread ends by itself.
        Exception: an error inside one of our tools; those of others become observations.
    """
    if problem := _unknown_arguments(tool, arguments, language):
        return _wrong(tool, problem, language)
    seconds = min(traits_of(tool).timeout, left) if left is not None else traits_of(tool).timeout
    started = time.monotonic()
    done: queue.SimpleQueue[Any] = queue.SimpleQueue()
    # A thread of its own, which nobody waits for at the end: what hangs must not keep the process alive.
    work = (tool, dict(arguments), language, done)
    threading.Thread(target=_work, args=work, name=f"tool {tool.name}", daemon=True).start()
    while True:
        try:
            found = done.get(timeout=_TICK)
            break
        except queue.Empty:
            if cancelled():
                raise CancelledRunError from None
            if time.monotonic() - started >= seconds:
                said = text(language, "timeout", tool=tool.name, seconds=seconds)
                return Outcome("timeout", Result(said), time.monotonic() - started)
    spent = time.monotonic() - started
    if isinstance(found, BaseException):
        status, said = _failure(tool, found, language)
        return Outcome(status, Result(said), spent)
    return Outcome("ok", _cut(found, traits_of(tool).output_limit, language), spent)


def unknown(name: str, tools: Sequence[BaseTool], language: str) -> str:
    """What the model is told about a tool that does not exist."""
    names = [tool.name for tool in tools]
    if not names:
        return text(language, "no_tools", name=name)
    near = difflib.get_close_matches(name, names, 1, 0.5)
    return text(
        language,
        "unknown_tool",
        name=name,
        near=filled(language, "near", near[0]) if near else "",
        tools=", ".join(names),
    )


def _work(tool: BaseTool, arguments: dict[str, Any], language: str, done: queue.SimpleQueue[Any]) -> None:
    request = {"name": tool.name, "args": arguments, "id": "call", "type": "tool_call"}
    try:
        only_async = isinstance(tool, StructuredTool) and tool.func is None and tool.coroutine is not None
        with speaking(language):
            found = asyncio.run(tool.ainvoke(request)) if only_async else tool.invoke(request)
    except BaseException as error:  # noqa: BLE001  # handed to the thread that waits, which raises what is ours
        done.put(error)
    else:
        done.put(_result(found))


def _result(found: Any) -> Result:
    if isinstance(found, ToolMessage):
        if isinstance(found.artifact, Result):
            return found.artifact
        found = found.text
    return Result(found if isinstance(found, str) else str(found))


def _failure(tool: BaseTool, error: BaseException, language: str) -> tuple[Status, str]:
    match error:
        case ToolInputError():
            return "input_error", text(language, "tool_error", tool=tool.name, problem=error)
        case ToolOutageError():
            return "outage", text(language, "outage", tool=tool.name, problem=error)
        case ToolException():
            return "input_error", text(language, "tool_error", tool=tool.name, problem=error)
        case ValidationError():
            wrong = _wrong(tool, _problems(error, language), language)
            return wrong.status, wrong.result.text
    if TRAITS in (tool.metadata or {}):  # one of ours
        raise error
    reason = f"{type(error).__name__}: {error}"[:300]
    return "outage", text(language, "crash", tool=tool.name, problem=reason)


def _wrong(tool: BaseTool, problem: str, language: str) -> Outcome:
    said = text(language, "input_error", tool=tool.name, problem=problem, signature=signature(tool))
    return Outcome("input_error", Result(said))


def _unknown_arguments(tool: BaseTool, arguments: Mapping[str, Any], language: str) -> str:
    """What pydantic would leave out without a word."""
    schema = parameters(tool)
    extra = [name for name in arguments if name not in schema["properties"]]
    missing = [name for name in schema.get("required", ()) if name not in arguments]
    if not extra or schema.get("additionalProperties"):
        return ""
    joint = "" if language == "zh" else " "
    said = [filled(language, "extra", name) for name in extra] + [filled(language, "missing", name) for name in missing]
    return joint.join(said)


def _problems(error: ValidationError, language: str) -> str:
    joint = "" if language == "zh" else " "
    said = []
    for item in error.errors()[:4]:
        name = ".".join(map(str, item["loc"]))
        if item["type"] == "missing":
            said.append(filled(language, "missing", name))
        else:
            said.append(text(language, "wrong", name=name, problem=item["msg"]))
    return joint.join(said)


def _cut(result: Result, limit: int, language: str) -> Result:
    if len(result.text) <= limit:
        return result
    kept = result.text[:limit].rstrip()
    said = kept + filled(language, "cut", len(result.text) - len(kept))
    # A passage whose marker was cut off cannot be cited.
    citations = tuple(item for item in result.citations if f"[{item.marker}]" in kept)
    return Result(said, citations, result.data)

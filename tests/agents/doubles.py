"""Tools and models for the tests of the agent."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import BaseTool

from agents.policy import Policy, Rule
from agents.react import Agent, AgentOptions
from agents.tools.base import Effect, Result, ToolInputError, ToolOutageError, Traits, tool
from ragbot.documents import Citation
from ragbot.models.testing import ScriptedChatModel

ALLOW_ALL = Policy({"*": Rule.ALLOW})


def call(name: str, thought: str = "", /, **arguments: Any) -> str:
    """A reply of the text protocol that calls a tool."""
    return json.dumps({"thought": thought, "tool": name, "arguments": arguments}, ensure_ascii=False)


def say(text: str) -> str:
    """A reply of the text protocol that answers."""
    return json.dumps({"thought": "", "answer": text}, ensure_ascii=False)


def native(*calls: tuple[str, dict[str, Any]], text: str = "") -> AIMessage:
    """A reply with tool calls of the model's own."""
    listed: list[Any] = [
        {"name": name, "args": arguments, "id": f"x{number}", "type": "tool_call"}
        for number, (name, arguments) in enumerate(calls)
    ]
    return AIMessage(text, tool_calls=listed)


def add_tool() -> BaseTool:
    @tool("add", Traits(trusted=True, summaries={"zh": "相加"}))
    def add(a: int, b: int = 0) -> str:
        """Add two numbers.

        Args:
            a: the first.
            b: the second.
        """
        return f"{a} + {b} = {a + b}"

    return add


def read_tool(text: str = "nothing of note", citations: tuple[Citation, ...] = ()) -> BaseTool:
    """Reads ``text``, which somebody else wrote; no effects."""

    @tool("read", Traits())
    def read(name: str = "") -> Result:
        """Read a document.

        Args:
            name: which one.
        """
        return Result(text, citations)

    return read


def fetch_tool(opened: list[str], found: Callable[[str], str] = lambda url: f"the page {url}") -> BaseTool:
    """Opens an address; ``opened`` lists what was opened."""

    @tool("fetch", Traits(effects=frozenset({Effect.NETWORK}), opens=("url",)))
    def fetch(url: str) -> str:
        """Open a page.

        Args:
            url: its address.
        """
        opened.append(url)
        return found(url)

    return fetch


def search_tool(asked: list[str]) -> BaseTool:
    """Sends words over the network."""

    @tool("web_search", Traits(effects=frozenset({Effect.NETWORK})))
    def search(query: str) -> str:
        """Search the web.

        Args:
            query: the words.
        """
        asked.append(query)
        return f"results for {query}"

    return search


def write_tool(written: list[tuple[str, str]]) -> BaseTool:
    """Writes a file, it says."""

    @tool("write", Traits(effects=frozenset({Effect.WRITE}), opens=("path",)))
    def write(path: str, content: str = "") -> str:
        """Write a file.

        Args:
            path: where.
            content: what.
        """
        written.append((path, content))
        return f"written: {path}"

    return write


def failing_tool(error: Exception) -> BaseTool:
    @tool("fail", Traits())
    def fail(x: int = 0) -> str:
        """Fail."""
        raise error

    return fail


OUTAGE = ToolOutageError("no network; use the documents")
MISTAKE = ToolInputError("x must be 1")


def agent(
    replies: Sequence[Any] | Callable[[list[BaseMessage]], Any],
    tools: Sequence[BaseTool] = (),
    protocol: str = "text",
    **more: Any,
) -> Agent:
    """An agent whose model says ``replies``."""
    options = more.pop("options", AgentOptions(protocol=protocol))  # type: ignore[arg-type]
    model: BaseChatModel = ScriptedChatModel(replies)
    return Agent(model, tools, options=options, **more)


def statuses(run: Any) -> list[str]:
    return [step.status for step in run.steps if step.kind == "observation"]


def kinds(run: Any) -> list[str]:
    return [step.kind for step in run.steps]

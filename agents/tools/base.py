"""What a tool is: a LangChain ``BaseTool`` with a few traits that the loop and the policy read.

A tool returns text, or a :class:`Result` where there is more to say than text (citations, data). A mistake of the
model's (an argument that cannot be right, a place that does not exist) is raised as :class:`ToolInputError` and comes
back to the model as an observation with the way to mend it; an outage is raised as :class:`ToolOutageError`, and the
observation says what else could be done. Every other exception is an error of ours and is not hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, overload

from langchain_core.tools import BaseTool, StructuredTool, ToolException

from ragbot.documents import Citation

#: Key of :class:`Traits` in a tool's ``metadata``.
TRAITS = "ragbot"


#: The texts that a model has read (its question first) to what its arguments are held to beyond their schema, by name: keywords
#: of JSON schema.
Narrow = Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]]


class Effect(StrEnum):
    """What a call can do beyond computing an answer."""

    NETWORK = "network"
    WRITE = "write"
    EXECUTE = "execute"


@dataclass(frozen=True, slots=True)
class Traits:
    """What the loop and the policy must know of a tool.

    Attributes:
        effects: what a call can do; a tool without any is allowed unless a person says otherwise.
        timeout: seconds after which a call is given up.
        output_limit: characters of an observation; what is longer is cut, and says so.
        trusted: the text of a result is computed by ragbot (a sum, a time) and holds nothing that a document, a page
            or another outside party wrote.
        opens: names of the arguments that are an address or a path which the call opens: the policy asks where their
            value came from.
        calls: most calls in one run; 0: no limit of its own.
        summaries: one line that says when to use the tool, by language ("en", "zh"); the description where one lacks.
        holds: names of what a call can reach (tables with their columns), said after that line where a prompt has room.
        narrow: what the arguments of a small model are held to, so that it writes no column that there is not and no
            number that nobody gave; it may rule out what a large model would get right.
    """

    effects: frozenset[Effect] = frozenset()
    timeout: float = 20.0
    output_limit: int = 4000
    trusted: bool = False
    opens: tuple[str, ...] = ()
    calls: int = 0
    summaries: Mapping[str, str] = field(default_factory=dict)
    holds: str = ""
    narrow: Narrow | None = None


#: Of tools that say nothing about themselves (any LangChain tool, an MCP server's): whatever is possible may happen.
UNKNOWN = Traits(effects=frozenset(Effect))


@dataclass(frozen=True, slots=True)
class Result:
    """What a call found.

    Attributes:
        text: what the model reads.
        citations: passages of the knowledge base that stand in the text, numbered as in it (``[1]`` is the first).
        data: the same for programs, in JSON's types.
    """

    text: str
    citations: tuple[Citation, ...] = ()
    data: Mapping[str, Any] | None = None


#: What becomes a tool.
Function = Callable[..., Any]


class ToolInputError(ToolException):
    """Arguments that cannot be right; the message says what would be."""


class ToolOutageError(ToolException):
    """What the tool needs is away (no network, a service that refuses); the message says what else can be done."""


@overload
def tool(name: Function, traits: Traits = UNKNOWN, *, description: str | None = None) -> BaseTool: ...


@overload
def tool(
    name: str = "", traits: Traits = UNKNOWN, *, description: str | None = None
) -> Callable[[Function], BaseTool]: ...


def tool(
    name: str | Function = "", traits: Traits = UNKNOWN, *, description: str | None = None
) -> BaseTool | Callable[[Function], BaseTool]:
    """Make a function a tool: its signature becomes the schema, its Google-style docstring the descriptions.

    ::

        @ragbot.tool
        def population(city: str) -> str:
            \"""How many people live in a city.\"""

    Args:
        name: what the model calls it; default: the function's name.
        traits: what a call can do; default: :data:`UNKNOWN`, so that the person is asked before each call.
        description: instead of the docstring's first paragraph.

    Returns:
        The tool, or a decorator that makes it. ``invoke(arguments)`` of the tool gives the text; a tool call gives a
        ``ToolMessage`` whose ``artifact`` is the :class:`Result`.
    """
    if not isinstance(name, str):
        return tool(traits=traits, description=description)(name)

    def decorate(function: Function) -> BaseTool:
        from functools import wraps

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> tuple[str, Result]:
            found = function(*args, **kwargs)
            result = found if isinstance(found, Result) else Result(str(found))
            return result.text, result

        return StructuredTool.from_function(
            call,
            name=name or function.__name__,
            description=description,
            parse_docstring=bool(function.__doc__ and "Args:" in function.__doc__),
            response_format="content_and_artifact",
            metadata={TRAITS: traits},
        )

    return decorate


def traits_of(any_tool: BaseTool) -> Traits:
    """The traits of a tool; of one that says nothing, :data:`UNKNOWN`."""
    found = (any_tool.metadata or {}).get(TRAITS)
    return found if isinstance(found, Traits) else UNKNOWN

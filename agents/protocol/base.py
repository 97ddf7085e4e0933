"""What every protocol does: a run becomes messages, and the model's reply a turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import BaseTool

from agents.steps import Step
from ragbot.documents import Message


@dataclass(frozen=True, slots=True)
class Brief:
    """What a run is about: the question, what was said before, the language to answer in, the tools."""

    question: str
    language: str
    tools: tuple[BaseTool, ...]
    history: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the model wants."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """One reply: calls, or an answer, or (``problem``, a key of the texts) neither; ``salvaged`` is an answer cut short."""

    thought: str = ""
    calls: tuple[Call, ...] = ()
    answer: str | None = None
    problem: str = ""
    text: str = ""
    salvaged: str = ""


class ToolProtocol(Protocol):
    """A way to speak to a model. ``closing`` says why no more tools can be used; empty: they can."""

    #: The key of the text that says how a reply has to look.
    form: str

    def messages(self, brief: Brief, steps: Sequence[Step], closing: str) -> list[BaseMessage]:
        """The whole conversation for the next reply."""

    def options(self, brief: Brief, steps: Sequence[Step], closing: str) -> dict[str, Any]:
        """Keywords of the model's call for the next reply."""

    def read(self, reply: AIMessage) -> Turn:
        """What the reply says."""

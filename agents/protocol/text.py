"""The protocol for models that only write: one JSON object a reply, which constrained decoding can enforce."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from agents.prompts import render
from agents.protocol.base import Brief, Turn
from agents.protocol.parsing import read_turn
from agents.protocol.signatures import LONGEST, described, narrowed, strict
from agents.steps import Action, FinalAnswer, Malformed, Observation, Step, Thought
from agents.texts import text
from agents.tools.numbers_read import answer_pattern

#: Characters of a thought and of an answer, under constrained decoding.
THOUGHT, ANSWER = 300, 4000
#: A tag inside an observation must not end it, or begin another.
_TAG = re.compile(r"<(\s*/?\s*observation\b)", re.IGNORECASE)


class TextProtocol:
    """JSON objects in plain text.

    ::

        {"thought": "…", "tool": "calculator", "arguments": {"expression": "6 * 7"}}
        {"thought": "…", "answer": "…"}

    Args:
        constrained: ask the model for the schema of these objects by ``response_format``.
        thoughts: whether replies begin with a thought; without, the prompt is the shorter one for small models.
        narrow: whether constrained arguments are held to what their tool says can be right (:class:`agents.tools.base.Traits`),
            and the numbers of an answer, once a tool has said something, to those that were read.
    """

    form = "form_text"

    def __init__(self, constrained: bool = True, thoughts: bool = True, narrow: bool = False) -> None:
        self.constrained = constrained
        self.thoughts = thoughts
        self.narrow = narrow

    def messages(self, brief: Brief, steps: Sequence[Step], closing: str) -> list[BaseMessage]:
        """See :class:`agents.protocol.base.ToolProtocol`."""
        tools = "\n".join(described(tool, brief.language, whole=self.thoughts) for tool in brief.tools)
        # A model that does not think aloud is shown no thoughts, and told less: small models take long to read.
        name = ("text" if self.thoughts else "text-brief") if brief.tools else "text-without-tools"
        found: list[BaseMessage] = [SystemMessage(render(name, brief.language, **({"tools": tools} if tools else {})))]
        for said in brief.history:
            found.append(HumanMessage(said.content) if said.role == "user" else AIMessage(_answered(said.content)))
        found.append(HumanMessage(brief.question))
        found += _turns(steps, brief.language)
        if closing:
            found.append(HumanMessage(text(brief.language, "finish", reason=closing)))
        return found

    def options(self, brief: Brief, steps: Sequence[Step], closing: str) -> dict[str, Any]:
        """See :class:`agents.protocol.base.ToolProtocol`."""
        if not self.constrained:
            return {}
        read = _read(brief, steps) if self.narrow else ()
        # What no tool has said anything about, the model may count by itself.
        sources = [step.source + step.sources - 1 for step in steps if isinstance(step, Observation) and step.action]
        pattern = answer_pattern(read, max(sources)) if read and sources else ""
        schema = reply_schema(() if closing else brief.tools, self.thoughts, read, pattern)
        return {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "step", "schema": schema, "strict": True},
            }
        }

    def read(self, reply: AIMessage) -> Turn:
        """See :class:`agents.protocol.base.ToolProtocol`."""
        return read_turn(str(reply.text))


def reply_schema(
    tools: Sequence[Any], thoughts: bool = True, read: Sequence[str] = (), answers: str = ""
) -> dict[str, Any]:
    """The JSON schema of a reply: a call of one of ``tools``, or an answer.

    Args:
        thoughts: whether it begins with a thought.
        read: what the model has read; its arguments are held to what goes with it. Empty: to their schema alone.
        answers: a regular expression for the answer; empty: any text.
    """
    thought: dict[str, Any] = {"thought": {"type": "string", "maxLength": THOUGHT}} if thoughts else {}
    branches = [
        _object({**thought, "tool": {"const": tool.name}, "arguments": strict(narrowed(tool, read))}) for tool in tools
    ]
    bounds = {"pattern": answers} if answers else {"minLength": 1, "maxLength": max(ANSWER, LONGEST)}
    answer = _object({**thought, "answer": {"type": "string", **bounds}})
    return {"anyOf": [*branches, answer]} if branches else answer


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _read(brief: Brief, steps: Sequence[Step]) -> list[str]:
    """The question first, then what was read last: of very much, the beginning counts."""
    seen = [step.text for step in steps if isinstance(step, Observation)]
    return [brief.question, *reversed(seen), *(message.content for message in reversed(brief.history))]


def _turns(steps: Sequence[Step], language: str) -> list[BaseMessage]:
    """The replies and observations so far, one pair a turn."""
    found: list[BaseMessage] = []
    thoughts = {step.turn: step.text for step in steps if isinstance(step, Thought)}
    for step in steps:
        match step:
            case Action():
                thought = thoughts.pop(step.turn, None)  # one thought for all calls of a reply
                said = {"thought": thought} if thought else {}
                found.append(AIMessage(written({**said, "tool": step.tool, "arguments": dict(step.arguments)})))
            case Malformed():
                found.append(AIMessage(step.text.strip() or "…"))
            case Observation() if step.action:
                found.append(HumanMessage(observed(step, language)))
            case Observation():  # what was wrong with a reply is said by us
                found.append(HumanMessage(step.text))
            case FinalAnswer():
                found.append(AIMessage(_answered(step.text)))
    return found


def observed(step: Observation, language: str) -> str:
    """An observation between its tags; nothing inside can end them."""
    number = f' source="{step.source}"' if step.source and not step.citations else ""
    inside = _TAG.sub(r"‹\1", step.text) or text(language, "nothing")
    return f'<observation tool="{step.tool}"{number}>\n{inside}\n</observation>'


def written(value: dict[str, Any]) -> str:
    """JSON as constrained decoding writes it."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _answered(said: str) -> str:
    return written({"answer": said})

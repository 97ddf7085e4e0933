"""The protocol for models with tool calls of their own: LangChain's ``bind_tools`` and ``AIMessage.tool_calls``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from agents.prompts import render
from agents.protocol.base import Brief, Call, Turn
from agents.protocol.text import observed
from agents.steps import Action, FinalAnswer, Malformed, Observation, Step, Thought
from agents.texts import text


class NativeProtocol:
    """Tool calls as the model's endpoint has them."""

    form = "form_native"

    def messages(self, brief: Brief, steps: Sequence[Step], closing: str) -> list[BaseMessage]:
        """See :class:`agents.protocol.base.ToolProtocol`."""
        found: list[BaseMessage] = [SystemMessage(render("native", brief.language))]
        for said in brief.history:
            found.append(HumanMessage(said.content) if said.role == "user" else AIMessage(said.content))
        found.append(HumanMessage(brief.question))
        for _, group in groupby(steps, key=lambda step: step.turn):
            found += _turn(list(group), brief.language)
        if closing:
            found.append(HumanMessage(text(brief.language, "finish", reason=closing)))
        return found

    def options(self, brief: Brief, steps: Sequence[Step], closing: str) -> dict[str, Any]:
        """See :class:`agents.protocol.base.ToolProtocol`: the tools are bound to the model instead."""
        return {}

    def read(self, reply: AIMessage) -> Turn:
        """See :class:`agents.protocol.base.ToolProtocol`."""
        said = str(reply.text).strip()
        if reply.invalid_tool_calls:
            return Turn(
                said, problem="arguments_kind", text=said or str(reply.invalid_tool_calls[0].get("args") or "…")
            )
        if reply.tool_calls:
            calls = tuple(Call(call["name"], call["args"]) for call in reply.tool_calls)
            return Turn(said, calls, text=said)
        return Turn(answer=said, text=said) if said else Turn(problem="empty")


def _turn(steps: Sequence[Step], language: str) -> list[BaseMessage]:
    """One reply with what came of it. A call without an observation is left out: endpoints refuse such a conversation."""
    observed_ids = {step.action for step in steps if isinstance(step, Observation)}
    actions = [step for step in steps if isinstance(step, Action) and step.id in observed_ids]
    thought = "\n".join(step.text for step in steps if isinstance(step, Thought))
    found: list[BaseMessage] = []
    if actions:
        calls: list[Any] = [
            {"name": step.tool, "args": dict(step.arguments), "id": step.id, "type": "tool_call"} for step in actions
        ]
        found.append(AIMessage(thought, tool_calls=calls))
    for step in steps:
        match step:
            case Observation() if step.action:
                found.append(ToolMessage(observed(step, language), tool_call_id=step.action, name=step.tool))
            case Observation():
                found.append(HumanMessage(step.text))
            case Malformed():
                found.append(AIMessage(step.text.strip() or "…"))
            case FinalAnswer():
                found.append(AIMessage(step.text))
    return found

"""A scenario played by the agent itself, with the script in the place of the model: prompts are the agent's own.

What is kept of a run is what a model of the text protocol would have read and written in it, word by word.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from langchain_core.messages import BaseMessage
from langchain_core.tools import BaseTool

from agents.protocol.text import written
from agents.react import Agent, AgentOptions
from agents.steps import FinalAnswer, Observation
from eval.agents.running import ALLOWED, agreeing
from eval.agents.world import TOOLS, World
from ragbot.models.testing import ScriptedChatModel
from ragbot.training.agent.scenarios import Scenario, UnusableError

#: Of so many sets of tools one is drawn where a run does not have all of them.
TOOL_SETS = 64


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: how many messages of the run stand before it, its text, and whether it is learned."""

    at: int
    text: str
    learned: bool = True


@dataclass(frozen=True, slots=True)
class PlayedRun:
    """A run as a model reads it.

    Attributes:
        template, language, question: of its scenario.
        tools: those that the model was given.
        messages: role and text; the replies are among them.
        replies: where they stand.
    """

    template: str
    language: str
    question: str
    tools: tuple[str, ...]
    messages: tuple[tuple[str, str], ...]
    replies: tuple[Reply, ...]

    @property
    def beginning(self) -> str:
        """Language and system prompt: what runs with the same tools share."""
        return f"{self.language}\n{self.messages[0][1]}"


def some_tools(draw: random.Random, world: World, scenario: Scenario) -> tuple[str, ...]:
    """The tools of the script and others, in the usual order; all of them more often than not."""
    there = tuple(name for name in TOOLS if world.has(name))
    if missing := set(scenario.needs) - set(there):
        raise UnusableError(f"there is no {', '.join(missing)} here")
    fitting = [tools for tools in _tool_sets(there) if {*scenario.needs} <= {*tools}]
    return there if draw.random() < 0.55 or not fitting else draw.choice(fitting)


@cache
def _tool_sets(there: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Some of the tools in so many ways that none is usual, and so few that several runs share a prompt in training."""
    draw = random.Random(" ".join(there))
    drawn = (set(draw.sample(there, draw.randint(1, len(there)))) for _ in range(TOOL_SETS))
    return sorted({tuple(name for name in there if name in one) for one in drawn})


def play(scenario: Scenario, world: World, tools: Sequence[str]) -> PlayedRun:
    """Run ``scenario`` with ``tools``.

    Raises:
        UnusableError: what the tools found is not what the script needs.
    """
    made: list[BaseTool] = world.tools(tools, scenario.language)
    script = scenario.script()
    replies: list[Reply] = []
    seen: list[Observation] = []
    asked: list[list[BaseMessage]] = []
    failed: list[UnusableError] = []

    def reply(messages: list[BaseMessage]) -> str:
        asked.append(messages)
        learned = True
        try:
            step = script.send(seen[-1]) if seen else next(script)
            learned = step.learned
            text = written({"tool": step.tool, "arguments": dict(step.arguments)})
        except StopIteration as end:
            text = written({"answer": end.value})
        except UnusableError as error:  # the agent is let finish, and the run thrown away
            failed.append(error)
            text = written({"answer": "-"})
        replies.append(Reply(len(messages), text, learned))
        return text

    options = AgentOptions(protocol="text", thoughts=False, language=scenario.language)
    agent = Agent(ScriptedChatModel(reply), made, options=options, policy=ALLOWED, consent=agreeing)
    world.fail(scenario.faults)
    try:
        steps = []
        for step in agent.stream(scenario.question):
            steps.append(step)
            if isinstance(step, Observation):
                seen.append(step)
    finally:
        world.fail({})
    if failed:
        raise failed[0]
    if not isinstance(steps[-1], FinalAnswer) or steps[-1].outcome != "answered":
        raise UnusableError("the run was cut short")
    last = [(_ROLES[message.type], str(message.text)) for message in asked[-1]]
    return PlayedRun(
        scenario.template,
        scenario.language,
        scenario.question,
        tuple(tools),
        (*last, ("assistant", replies[-1].text)),
        tuple(replies),
    )


_ROLES = {"system": "system", "human": "user", "ai": "assistant"}

"""An agent over tasks: each task in its own state of the world, judged by its answer and by its calls."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.tools import BaseTool
from pydantic import ValidationError

from agents.policy import ConsentRequest, Policy, Rule
from agents.react import Agent, AgentOptions
from agents.runs import AgentRun
from agents.steps import Malformed, Observation
from eval.agents.answers import right_answer
from eval.agents.matching import Made, call_scores, calls_of
from eval.agents.tasks import Task
from eval.agents.world import World
from ragbot.models.testing import ScriptedChatModel

#: In the world nothing has an effect outside of this machine.
ALLOWED = Policy({"*": Rule.ALLOW})
#: The scores of a task, and what each of them is in a table.
SCORES = {
    "right": "right answer",
    "tool_call_f1": "ToolCall F1",
    "valid_calls": "valid calls",
    "right_tools": "right tools",
    "steps": "calls",
    "loops": "loops",
    "seconds": "seconds",
}


@dataclass(frozen=True, slots=True)
class TaskResult:
    """A task that was tried.

    Attributes:
        scores: by the names in :data:`SCORES`. ``valid_calls`` is the share of its replies with a call that name a tool
            of the task with arguments that its schema takes (1 where it made none); ``loops`` are calls that repeat one.
        run: with all its steps.
    """

    task: Task
    scores: dict[str, float]
    run: AgentRun


def agreeing(request: ConsentRequest) -> bool:
    """The person of the world: an address that a search found may be read."""
    return True


def run_tasks(
    model: BaseChatModel,
    world: World,
    tasks: Sequence[Task],
    options: AgentOptions,
    progress: Callable[[int, TaskResult], None] = lambda done, result: None,
) -> Iterator[TaskResult]:
    """Try each task once, one after another.

    Raises:
        GenerationError: the model failed.
        UserError: a task needs a tool that the world does not have.
    """
    for done, task in enumerate(tasks, 1):
        wanted = expected_observations(world, task)
        tools = world.tools(task.tools, task.language)
        world.fail(task.faults)
        began = time.monotonic()
        try:
            run = Agent(model, tools, options=options, policy=ALLOWED, consent=agreeing).run(task.question)
        finally:
            world.fail({})
        result = TaskResult(task, scores_of(task, run, wanted, tools, time.monotonic() - began), run)
        progress(done, result)
        yield result


def expected_observations(world: World, task: Task) -> list[Observation | None]:
    """What comes of each call that the task takes."""
    if not task.calls:
        return []
    return [made.observation for made in calls_of(played(world, task, "-").steps)]


def played(world: World, task: Task, answer: str) -> AgentRun:
    """The run of one who makes exactly the calls that the task takes, and then says ``answer``."""
    replies = [json.dumps({"tool": call.tool, "arguments": dict(call.arguments)}) for call in task.calls]
    said = iter([*replies, json.dumps({"answer": answer})])

    def reply(_: list[BaseMessage]) -> str:
        return next(said)

    world.fail(task.faults)
    try:
        tools = world.tools(task.tools, task.language)
        options = AgentOptions(protocol="text", language=task.language)
        return Agent(ScriptedChatModel(reply), tools, options=options, policy=ALLOWED, consent=agreeing).run(
            task.question
        )
    finally:
        world.fail({})


def scores_of(
    task: Task, run: AgentRun, wanted: Sequence[Observation | None], tools: Sequence[BaseTool], seconds: float
) -> dict[str, float]:
    """The scores of a run; see :data:`SCORES`."""
    made = calls_of(run.steps)
    right = right_answer(task, run.question, run.answer, run.steps)
    if task.kind == "none":
        right = right and not made
    calls = call_scores(task.calls, wanted, made)
    return {
        "right": float(right),
        "tool_call_f1": calls["tool_call_f1"],
        "valid_calls": _valid(run, made, tools),
        "right_tools": _right_tools(task, made),
        "steps": calls["steps"],
        "loops": calls["loops"],
        "seconds": seconds,
    }


def _right_tools(task: Task, made: Sequence[Made]) -> float:
    """Whether every tool that the task takes was called, and none beside these."""
    used = {one.action.tool for one in made}
    needed = {call.tool for call in task.calls if not call.optional}
    return float(needed <= used <= {call.tool for call in task.calls})


def _valid(run: AgentRun, made: Sequence[Made], tools: Sequence[BaseTool]) -> float:
    by_name = {tool.name: tool for tool in tools}
    unreadable = sum(isinstance(step, Malformed) for step in run.steps)
    fitting = sum(_fits(by_name.get(one.action.tool), dict(one.action.arguments)) for one in made)
    total = len(made) + unreadable
    return fitting / total if total else 1.0


def _fits(tool: BaseTool | None, arguments: dict[str, Any]) -> bool:
    if tool is None or set(arguments) - set(tool.args):
        return False
    schema: Any = tool.tool_call_schema
    try:
        schema.model_validate(arguments)
    except ValidationError:
        return False
    return True

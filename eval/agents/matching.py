"""Which calls of a run are those that a task takes.

An expression can be written in many ways and a place named in two languages, so two calls of a tool that computes are the
same if their results are; a search is the one that was meant if its result holds what had to be found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.steps import Action, Observation, Step
from eval.agents.tasks import ExpectedCall
from eval.metrics.agents import Call, tool_call_scores

#: Of a tool's result, what two equal calls have in common; the names in it depend on the language that was asked in.
_COMPARED: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "calculator": lambda data: [data.get(name) for name in ("decimal", "date", "weekday", "value")],
    "units": lambda data: data.get("decimal"),
    "clock": lambda data: sorted(str(data[name])[11:16] for name in ("time", "other_time") if name in data),
    "query_tables": lambda data: data.get("rows", sorted(data)),
    "weather": lambda data: [data["place"]["latitude"], data["place"]["longitude"]],
}


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made, and what came of it."""

    action: Action
    observation: Observation | None


def calls_of(steps: Sequence[Step]) -> list[Made]:
    """The calls of a run, in order."""
    found = {step.action: step for step in steps if isinstance(step, Observation) and step.action}
    return [Made(step, found.get(step.id)) for step in steps if isinstance(step, Action)]


def same_call(expected: ExpectedCall, wanted: Observation | None, made: Made) -> bool:
    """Whether ``made`` is the call that was expected; ``wanted`` is what comes of the expected one."""
    if made.action.tool != expected.tool:
        return False
    if _plain(made.action.arguments) == _plain(expected.arguments):
        return True
    if expected.finds and made.observation is not None:
        return expected.finds.casefold() in made.observation.text.casefold()
    if wanted is None or made.observation is None or wanted.status != made.observation.status:
        return False
    if wanted.status != "ok":  # what failed can only be compared by what was asked: any wording of a search will do
        return expected.tool in ("web_search", "search_knowledge") or wanted.text == made.observation.text
    compared = _COMPARED.get(expected.tool)
    if compared is None or not wanted.data or not made.observation.data:
        return wanted.text == made.observation.text
    same = compared(wanted.data) == compared(made.observation.data)
    enough = len(made.observation.data.get("days", ())) >= len(wanted.data.get("days", ()))
    return same and enough


def call_scores(
    expected: Sequence[ExpectedCall], wanted: Sequence[Observation | None], made: Sequence[Made]
) -> dict[str, float]:
    """:func:`eval.metrics.agents.tool_call_scores`, where calls that mean the same are the same.

    Args:
        expected: the calls that the task takes.
        wanted: what comes of each of them.
        made: the calls of the run.
    """
    left = list(range(len(expected)))
    listed: list[Call] = []
    used: set[int] = set()
    for one in made:
        fitting = [place for place in left if same_call(expected[place], wanted[place], one)]
        # One that was found already counts as a repetition, not as another tool's call.
        repeated = [place for place in used if same_call(expected[place], wanted[place], one)]
        if fitting or repeated:
            place = fitting[0] if fitting else repeated[0]
            left = [other for other in left if other != place]
            used.add(place)
            listed.append((expected[place].tool, expected[place].arguments))
        else:
            listed.append((one.action.tool, one.action.arguments))
    needed = [(call.tool, call.arguments) for place, call in enumerate(expected) if not call.optional or place in used]
    return tool_call_scores(needed, listed)


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments without those that are left empty."""
    return {
        name: value.strip().casefold() if isinstance(value, str) else value
        for name, value in arguments.items()
        if value not in ("", None)
    }

"""A run that goes in circles: the same call with the same outcome, also with others in between."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agents.steps import Action, Observation, Step

#: Calls of a service that was away are worth a second try.
TRIES = 2
#: So many repeated calls end the run.
STRIKES = 3
#: Statuses after which the same call gives the same again.
_SETTLED = {"ok", "input_error", "unknown_tool", "denied", "loop", "limit", "unknown"}


def earlier(steps: Sequence[Step], tool: str, arguments: Mapping[str, Any], changing: set[str]) -> Observation | None:
    """What this very call gave before, if it would give the same again; None where it is worth making.

    Args:
        steps: the run so far, without this call.
        tool: its tool, with ``arguments``.
        changing: tools that write or execute: behind a successful call of one, everything may be different.
    """
    results = {step.action: step for step in steps if isinstance(step, Observation) and step.action}
    wanted = key(tool, arguments)
    same: list[Observation] = []
    for step in steps:
        if not isinstance(step, Action) or step.id not in results:
            continue
        result = results[step.id]
        if key(step.tool, step.arguments) == wanted:
            same.append(result)
        elif step.tool in changing and result.status == "ok":
            same.clear()
    if not same:
        return None
    settled = next((result for result in same if result.status in _SETTLED), None)
    # A call that broke off may have done what it was to do: what changes something has one try.
    tries = 1 if tool in changing else TRIES
    return settled or (same[-1] if len(same) >= tries else None)


def strikes(steps: Sequence[Step]) -> int:
    """How many calls were repeated in vain."""
    return sum(isinstance(step, Observation) and step.status == "loop" for step in steps)


def key(tool: str, arguments: Mapping[str, Any]) -> str:
    """A call in one form: the order of arguments and blanks around texts make no difference, nor do 1 and 1.0."""
    return f"{tool}({json.dumps(_levelled(arguments), ensure_ascii=False, sort_keys=True, default=str)})"


def _levelled(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(name): _levelled(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_levelled(inner) for inner in value]
    return value

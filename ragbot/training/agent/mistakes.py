"""Mistakes that come before a right call: they are read, and what is learned is how they are mended."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agents.steps import Observation
from ragbot.training.agent.scenarios import Ask, Scenario, Script, failed

#: Names of tools that there are not, and what they are taken for.
CONFUSED = {
    "calculator": ("calc", "math", "python"),
    "weather": ("get_weather", "forecast"),
    "clock": ("time", "timezone"),
    "units": ("convert", "unit_converter"),
    "web_search": ("search", "google"),
    "search_knowledge": ("search_documents", "knowledge"),
    "query_tables": ("sql", "query"),
    "fetch_page": ("open_url", "browse"),
}
_RENAMED = {
    "place": "city", "expression": "formula", "query": "q", "url": "link", "sql": "statement", "amount": "value",
    "from_unit": "from", "to_unit": "to", "days": "day", "time": "at", "other_place": "to",
}  # fmt: skip


def mistaken(draw: random.Random, scenario: Scenario) -> Scenario:
    """The same, with a mistake in front of the first call."""

    def script() -> Script:
        wanted = scenario.script()
        right = next(wanted)
        failed((yield _wrong(draw, right)))
        found: Observation = yield right
        while True:
            try:
                found = yield wanted.send(found)
            except StopIteration as end:
                said: str = end.value
                return said

    return replace(scenario, script=script)


def _wrong(draw: random.Random, right: Ask) -> Ask:
    """An argument of another name, one left out, or a tool that there is not."""
    arguments: dict[str, Any] = dict(right.arguments)
    kinds = ["tool"]
    if arguments:
        # Nothing has to be there for the clock and the tables: the call would be made.
        kinds += ["renamed"] if right.tool in ("clock", "query_tables") else ["renamed", "missing"]
    kind = draw.choice(kinds)
    if kind == "tool":
        return Ask(draw.choice(CONFUSED[right.tool]), arguments, learned=False)
    name = draw.choice(list(arguments))
    value = arguments.pop(name)
    other: Mapping[str, Any] = {_RENAMED.get(name, "input"): value} if kind == "renamed" else {}
    return Ask(right.tool, {**arguments, **other}, learned=False)

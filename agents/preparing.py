"""Before the loop: which way a question goes, and its plan, where the options ask for these."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from agents import planning, routing
from agents.routing import Route
from agents.sources import final_answer
from agents.steps import Observation, Step, Thought
from agents.texts import text
from agents.tools.ask_documents import NAME

if TYPE_CHECKING:
    from agents.running import Loop


def prepared(loop: Loop) -> Iterator[Step]:
    """The steps before the first reply; where they end with an answer, that is all."""
    options, asks = loop.agent.options, any(tool.name == NAME for tool in loop.brief.tools)
    way = Route.TOOLS
    if options.route != "never":
        way = yield from _routed(loop, asks)
    if way is Route.DIRECT:
        loop.brief = replace(loop.brief, tools=())
    elif way is Route.DOCUMENTS and asks:
        yield from _answered(loop)
    elif options.plan and asks:
        yield from _planned(loop)


def _routed(loop: Loop, asks: bool) -> Generator[Step, None, Route]:
    question, language = loop.brief.question, loop.brief.language
    names = [tool.name for tool in loop.brief.tools]
    found: Route | None = None
    number = tokens = 0
    if loop.agent.options.route == "model":
        reply, number, tokens = loop.asked(routing.prompt(question, language), routing.schema())
        found = routing.read(reply)
    way = found or routing.by_rules(question, names, asks)
    yield Thought(turn=number, tokens=tokens, text=text(language, f"route_{way}"))
    return way


def _answered(loop: Loop) -> Iterator[Step]:
    """Ask the documents; where they are silent, the loop goes on."""
    question = loop.brief.question
    yield from loop.called(NAME, {"question": question}, loop.meter.turns)
    last = loop.steps_so_far[-1]
    if isinstance(last, Observation) and last.status == "ok" and not (last.data or {}).get("abstained"):
        yield final_answer(last.text, question, loop.steps_so_far)


def _planned(loop: Loop) -> Iterator[Step]:
    """Ask the parts of the question, one after another. A question of one part has no plan."""
    reply, number, tokens = loop.asked(planning.prompt(loop.brief.question, loop.brief.language), planning.schema())
    plan = planning.read(reply)
    if len(plan.parts) < 2:
        return
    listed = "\n".join(f"{place}. {part}" for place, part in enumerate(plan.parts, 1))
    yield Thought(turn=number, tokens=tokens, text=listed)
    found: list[Observation] = []
    for part in plan.parts:
        question = planning.filled(part, found)
        if question is None:  # what it builds on was not found: the loop has to see to it
            return
        yield from loop.called(NAME, {"question": question}, number)
        last = loop.steps_so_far[-1]
        if not isinstance(last, Observation):
            return
        found.append(last)

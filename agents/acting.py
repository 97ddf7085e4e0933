"""From a call that the model wants to what came of it: repetition, limits, policy, consent, and the call itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from langchain_core.tools import BaseTool

from agents import calling, loops
from agents.asking import reasons
from agents.budgets import Meter
from agents.policy import ConsentCallback, ConsentRequest, Policy, Rule
from agents.runs import AgentRun
from agents.sources import next_number, renumbered
from agents.steps import Action, Consent, Observation, Status, Step
from agents.taint import suspicions
from agents.texts import text
from agents.tools.base import Effect, Traits, traits_of

_CHANGES = {Effect.WRITE, Effect.EXECUTE}


class Actor:
    """Makes the calls of one run.

    Args:
        tools: by their names.
        policy: what calls may do.
        consent: asks the person; None: nobody can be asked.
        meter: what the run has used.
        run: its question, language and history.
        cancelled: asked while a tool is at work.
    """

    def __init__(
        self,
        tools: Sequence[BaseTool],
        policy: Policy,
        consent: ConsentCallback | None,
        meter: Meter,
        run: AgentRun,
        cancelled: Callable[[], bool],
    ) -> None:
        self._tools: Mapping[str, BaseTool] = {tool.name: tool for tool in tools}
        self._policy, self._consent, self._meter, self._cancelled = policy, consent, meter, cancelled
        self._language = run.language
        self._own = [run.question, *(said.content for said in run.history if said.role == "user")]
        self._foreign = [said.content for said in run.history if said.role != "user"]
        self._changing = {tool.name for tool in tools if traits_of(tool).effects & _CHANGES}

    def acted(self, action: Action, steps: Sequence[Step]) -> Iterator[Step]:
        """Make a call that is stored already, the last one of ``steps``."""
        tool = self._tools.get(action.tool)
        if tool is None:
            said = calling.unknown(action.tool, list(self._tools.values()), self._language)
            yield self._told(action, "unknown_tool", said)
            return
        before = [step for step in steps if step is not action]
        if (earlier := loops.earlier(before, action.tool, action.arguments, self._changing)) is not None:
            said = text(self._language, "loop", earlier=earlier.text)
            yield self._told(action, "loop", said, trusted=earlier.trusted)
            return
        limit = self._meter.budget.calls_of(action.tool, traits_of(tool).calls)
        if limit and self._meter.calls(action.tool) >= limit:
            yield self._told(action, "limit", text(self._language, "call_limit", tool=action.tool, count=limit))
            return
        yield from self._permitted(action, tool, before, repeated=False)

    def resumed(self, action: Action, steps: Sequence[Step]) -> Iterator[Step]:
        """Deal with a call of which nobody knows what came, because the run was cut off."""
        tool = self._tools.get(action.tool)
        if tool is None:
            yield self._told(action, "unknown", text(self._language, "unknown_effect"))
            return
        traits = traits_of(tool)
        asked = next((step for step in steps if isinstance(step, Consent) and step.action == action.id), None)
        # Without effects it may be made twice; with them, it was made if nobody had to be asked, or somebody agreed.
        may_have = bool(traits.effects) and (
            asked.granted if asked else self._request(action, traits, steps, False) is None
        )
        yield from self._permitted(action, tool, steps, repeated=may_have)

    def _permitted(self, action: Action, tool: BaseTool, steps: Sequence[Step], repeated: bool) -> Iterator[Step]:
        traits = traits_of(tool)
        if self._policy.rule(action.tool, traits) is Rule.DENY:
            yield self._denied(action, "denied_rule")
            return
        request = self._request(action, traits, steps, repeated)
        if request is not None:
            granted = self._ask(request)
            by: Literal["person", "nobody"] = "nobody" if self._consent is None else "person"
            yield Consent(
                turn=action.turn, action=action.id, granted=granted, by=by, reasons=reasons(request, self._language)
            )
            if not granted and repeated:
                yield self._told(action, "unknown", text(self._language, "unknown_effect"))
                return
            if not granted:
                yield self._denied(action, "denied_nobody" if self._consent is None else "denied_person")
                return
        yield self._called(action, tool, steps)

    def _request(self, action: Action, traits: Traits, steps: Sequence[Step], repeated: bool) -> ConsentRequest | None:
        """What the person has to be asked; None where nothing."""
        own = [*self._own, *_agreed(steps, action.tool)]
        found = suspicions(action.arguments, traits, own, steps, self._foreign)
        rule = self._policy.rule(action.tool, traits)
        if rule is Rule.ALLOW and not found and not repeated:
            return None
        effects = traits.effects if rule is Rule.ASK else frozenset[Effect]()
        return ConsentRequest(action.tool, action.arguments, effects, found, repeated)

    def _ask(self, request: ConsentRequest) -> bool:
        if self._consent is None:
            return False
        started = time.monotonic()
        try:
            return bool(self._consent(request))
        finally:
            self._meter.pause(time.monotonic() - started)

    def _called(self, action: Action, tool: BaseTool, steps: Sequence[Step]) -> Observation:
        outcome = calling.call(tool, action.arguments, self._language, self._meter.left(), self._cancelled)
        if outcome.status != "input_error":
            self._meter.call(action.tool)
        result = outcome.result
        said, citations, source = result.text, result.citations, 0
        if outcome.status == "ok" and said.strip():
            source = next_number(steps)
            said, citations = renumbered(said, citations, source)
        return Observation(
            turn=action.turn,
            action=action.id,
            tool=action.tool,
            text=said,
            status=outcome.status,
            trusted=traits_of(tool).trusted,
            source=source,
            citations=citations,
            seconds=round(outcome.seconds, 3),
            data=result.data,
        )

    def _denied(self, action: Action, reason: str) -> Observation:
        said = text(self._language, "denied", tool=action.tool, reason=text(self._language, reason))
        return self._told(action, "denied", said)

    def _told(self, action: Action, status: Status, said: str, trusted: bool = True) -> Observation:
        """What the loop itself says; it repeats nothing but the model's words, and those it has written already."""
        return Observation(
            turn=action.turn, action=action.id, tool=action.tool, text=said, status=status, trusted=trusted
        )


def _agreed(steps: Sequence[Step], tool: str) -> list[str]:
    """The texts in the calls of this tool that the person agreed to: for it, they are the person's from then on."""
    granted = {step.action for step in steps if isinstance(step, Consent) and step.granted and step.by == "person"}
    return [
        value
        for step in steps
        if isinstance(step, Action) and step.id in granted and step.tool == tool
        for value in step.arguments.values()
        if isinstance(value, str)
    ]

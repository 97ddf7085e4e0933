"""How much a run may use, and what it has used."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agents.steps import Action, Observation, Step
from agents.texts import filled


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of a run; 0 is no limit.

    Attributes:
        steps: replies of the model, the answer included.
        tokens: prompts and replies together.
        seconds: of the whole run, without the time in which a person was asked.
        calls: of each tool; a tool's own limit (its traits) holds as well.
        per_tool: the same by tool.
    """

    steps: int = 8
    tokens: int = 0
    seconds: float = 0.0
    calls: int = 0
    per_tool: Mapping[str, int] = field(default_factory=dict)

    def calls_of(self, tool: str, own: int) -> int:
        """Calls that a tool with the limit ``own`` may have; 0: any number."""
        limits = [limit for limit in (self.per_tool.get(tool, self.calls), own) if limit]
        return min(limits, default=0)


class Meter:
    """What a run has used. ``clock`` gives seconds."""

    def __init__(self, budget: Budget, steps: Sequence[Step] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self.budget = budget
        self._clock = clock
        self._started = clock()
        self._paused = 0.0
        # What a run used before it was cut off counts, but for the time.
        self.turns = max((step.turn for step in steps), default=0)
        self.tokens = sum(step.tokens for step in steps)
        made = {step.action for step in steps if isinstance(step, Observation) and step.status in _MADE}
        self._calls = Counter(step.tool for step in steps if isinstance(step, Action) and step.id in made)

    @property
    def seconds(self) -> float:
        """Seconds so far, without those of :meth:`pause`."""
        return self._clock() - self._started - self._paused

    def left(self) -> float | None:
        """Seconds that are left; None: any."""
        return max(self.budget.seconds - self.seconds, 0.0) if self.budget.seconds else None

    def pause(self, seconds: float) -> None:
        """A person was asked for so long."""
        self._paused += seconds

    def reply(self, tokens: int) -> int:
        """Another reply of the model; its number."""
        self.turns += 1
        self.tokens += tokens
        return self.turns

    def call(self, tool: str) -> None:
        """A call was made."""
        self._calls[tool] += 1

    def calls(self, tool: str) -> int:
        """How many were made of it."""
        return self._calls[tool]

    def spent(self, language: str) -> str:
        """Why the run cannot go on at all; empty while it can."""
        if self.budget.tokens and self.tokens >= self.budget.tokens:
            return filled(language, "tokens", self.budget.tokens)
        if self.budget.seconds and self.seconds >= self.budget.seconds:
            return filled(language, "seconds", self.budget.seconds)
        return ""

    def last_reply(self, language: str) -> str:
        """Why the next reply has to be the answer; empty while it need not."""
        if self.budget.steps and self.turns >= self.budget.steps - 1:
            return filled(language, "steps", self.budget.steps)
        return ""


#: Observations of calls that were made.
_MADE = {"ok", "outage", "timeout"}

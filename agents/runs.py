"""Runs as they are kept: a head, and the steps one by one. Where they are kept is another's affair (the workspace)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from agents.steps import Action, FinalAnswer, Observation, Source, Step, step_of
from ragbot.documents import Citation, Message
from ragbot.errors import CorruptError, UserError

#: ``interrupted``: by the person, or the process was killed (then it still says ``running``).
State = Literal["running", "done", "interrupted", "failed"]
Json = Mapping[str, Any]


class RunStore(Protocol):
    """Keeps runs; every change is on the disk when the call returns.

    :class:`ragbot.workspace.agent_runs.AgentRuns` is one, :class:`RunsInMemory` another.
    """

    def begin(self, run: str, question: str, details: Json) -> None:
        """A new run."""

    def append(self, run: str, number: int, step: Json) -> None:
        """The next step, counted from 0. Raises UserError: there is one of this number (another process is at it)."""

    def mark(self, run: str, state: State, error: str = "") -> None:
        """How the run stands."""

    def head(self, name: str) -> Json:
        """``{"id", "question", "state", "error", "created", "updated", **details}``; an id's beginning will do.

        Raises:
            UserError: there is none, or there are several.
        """

    def steps(self, run: str) -> Sequence[Json]:
        """The steps, the first one first."""


class RunsInMemory:
    """Runs that are gone with the process."""

    def __init__(self) -> None:
        self._heads: dict[str, dict[str, Any]] = {}
        self._steps: dict[str, list[Json]] = {}

    def begin(self, run: str, question: str, details: Json) -> None:
        """See :class:`RunStore`."""
        self._heads[run] = {"id": run, "question": question, "state": "running", "error": "", **details}
        self._steps[run] = []

    def append(self, run: str, number: int, step: Json) -> None:
        """See :class:`RunStore`."""
        if number != len(self._steps[run]):
            raise UserError(f"the run {run} has gone on elsewhere: start it anew")
        self._steps[run].append(step)

    def mark(self, run: str, state: State, error: str = "") -> None:
        """See :class:`RunStore`."""
        self._heads[run] |= {"state": state, "error": error}

    def head(self, name: str) -> Json:
        """See :class:`RunStore`."""
        if name not in self._heads:
            raise UserError(f"there is no run {name!r}")
        return self._heads[name]

    def steps(self, run: str) -> Sequence[Json]:
        """See :class:`RunStore`."""
        return tuple(self._steps[run])


@dataclass(frozen=True, slots=True)
class AgentRun:
    """A run: the question and the steps so far."""

    id: str
    question: str
    language: str
    steps: tuple[Step, ...] = ()
    history: tuple[Message, ...] = ()
    state: State = "running"
    error: str = ""

    @property
    def answer(self) -> FinalAnswer | None:
        """The end of it; None while there is none."""
        return next((step for step in reversed(self.steps) if isinstance(step, FinalAnswer)), None)

    @property
    def text(self) -> str:
        """The text of the answer; empty while there is none."""
        return self.answer.text if self.answer else ""

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The passages that the answer cites."""
        return self.answer.citations if self.answer else ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """Passages and results that the answer's markers stand for."""
        return self.answer.sources if self.answer else ()

    @property
    def calls(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """Every call that the model asked for: tool and arguments."""
        return tuple((step.tool, step.arguments) for step in self.steps if isinstance(step, Action))

    @property
    def tokens(self) -> int:
        """Prompts and replies of all turns."""
        return sum(step.tokens for step in self.steps)

    @property
    def pending(self) -> Action | None:
        """A call of which nobody knows what came: the run was cut off in the middle of it."""
        seen = {step.action for step in self.steps if isinstance(step, Observation)}
        return next((step for step in self.steps if isinstance(step, Action) and step.id not in seen), None)


def new_id() -> str:
    """An id for a run."""
    return secrets.token_hex(6)


def details_of(run: AgentRun, tools: Sequence[str], model: str) -> dict[str, Any]:
    """What is kept of a run beside its question."""
    history = [{"role": said.role, "content": said.content} for said in run.history]
    return {"language": run.language, "history": history, "tools": list(tools), "model": model}


def load(store: RunStore, name: str) -> AgentRun:
    """A run as it was kept.

    Raises:
        UserError: there is none of this id.
        CorruptError: it cannot be read.
    """
    head = store.head(name)
    identity = str(head["id"])
    try:
        steps = tuple(map(step_of, store.steps(identity)))
        history = tuple(Message(said["role"], said["content"]) for said in head.get("history", ()))
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptError(
            f"the run {identity} cannot be read ({error}); ragbot agent runs --delete {identity}"
        ) from error
    return AgentRun(
        identity,
        str(head["question"]),
        str(head.get("language", "en")),
        steps,
        history,
        head.get("state", "running"),
        str(head.get("error", "")),
    )

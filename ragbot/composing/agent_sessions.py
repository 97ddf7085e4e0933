"""Runs of agents at work in threads of this program, which other threads watch, answer and stop.

A web page comes and goes while a run goes on: it looks at :meth:`AgentSession.view` now and then, and hands the person's
decision to :meth:`AgentSession.decide`.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import Literal

from agents.calling import CancelledRunError
from agents.policy import ConsentCallback, ConsentRequest
from agents.react import AgentStream
from agents.runs import AgentRun
from agents.steps import Step
from ragbot.errors import RagbotError, UserError

log = logging.getLogger(__name__)

#: ``once``: this call; ``run``: this and every other call of the tool in this run; ``deny``: not this call.
Decision = Literal["once", "run", "deny"]
#: ``asking``: the person has to decide; ``interrupted``: given up, and can be resumed.
SessionState = Literal["starting", "running", "asking", "done", "interrupted", "failed"]
FINISHED = frozenset({"done", "interrupted", "failed"})
#: Seconds that a question to the person stands before the run is given up; it can be resumed.
PATIENCE = 900.0
#: Finished runs of which a registry knows.
_KEPT = 20
_TICK = 0.1

#: Makes the run and begins it; gets what asks the person. What it opens stays open until the run ends.
Begin = Callable[[ConsentCallback], AbstractContextManager[AgentStream]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to the person; ``number`` tells it from the others of the run."""

    number: int
    request: ConsentRequest


@dataclass(frozen=True, slots=True)
class SessionView:
    """How a run stands.

    Attributes:
        id: of the session, ``run`` that of the run, empty until it has begun.
        steps: so far.
        asked: what the person has to decide now.
        error: why it failed.
        seconds: since it began, until it ended.
    """

    id: str
    run: str
    question: str
    language: str
    state: SessionState
    steps: tuple[Step, ...] = ()
    asked: Asked | None = None
    error: str = ""
    seconds: float = 0.0

    @property
    def finished(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in FINISHED


class AgentSession:
    """One run under way; made by :class:`AgentSessions`.

    Args:
        begin: see :data:`Begin`; called in the session's own thread.
        question: what is asked; ``language`` is what is shown until the run says it itself.
        owner: whose it is.
        patience: seconds that a question to the person stands.
    """

    def __init__(
        self, begin: Begin, question: str, language: str = "en", owner: str = "", patience: float = PATIENCE
    ) -> None:
        self.id = secrets.token_hex(8)
        self.owner = owner
        self._begin, self._question, self._language, self._patience = begin, question, language, patience
        self._changed = threading.Condition()
        self._stream: AgentStream | None = None
        self._state: SessionState = "starting"
        self._steps: list[Step] = []
        self._asked: Asked | None = None
        self._decision: Decision | None = None
        self._questions = 0
        self._granted: set[str] = set()
        self._error = ""
        self._cancelled = threading.Event()
        self._started, self._ended = time.monotonic(), 0.0
        self._thread = threading.Thread(target=self._work, name="ragbot-agent", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def view(self) -> SessionView:
        """How it stands now."""
        with self._changed:
            run = self._stream.run if self._stream else None
            return SessionView(
                self.id,
                run.id if run else "",
                run.question if run else self._question,
                run.language if run else self._language,
                self._state,
                tuple(self._steps),
                self._asked,
                self._error,
                (self._ended or time.monotonic()) - self._started,
            )

    def wait(self, seconds: float, steps: int = -1) -> SessionView:
        """How it stands once there are more than ``steps`` steps, a question or an end, or the time is over."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while len(self._steps) <= steps and self._asked is None and self._state not in FINISHED:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
        return self.view()

    def decide(self, number: int, decision: Decision) -> bool:
        """Answer the question of this number; False where it does not stand (any more)."""
        with self._changed:
            if self._asked is None or self._asked.number != number or self._decision is not None:
                return False
            self._decision = decision
            self._changed.notify_all()
        return True

    def cancel(self) -> None:
        """Give the run up: the model stops at its next token, a tool is not waited for; what was done is kept."""
        self._cancelled.set()
        stream = self._stream
        if stream is not None:
            stream.cancel()
        with self._changed:
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for the end, at most so long."""
        self._thread.join(seconds)

    # -- in the session's thread ---------------------------------------------------------------------------------

    def _work(self) -> None:
        state: SessionState = "failed"
        error = ""
        try:
            with self._begin(self._ask) as stream, closing(stream):
                self._set("running", stream)
                if self._cancelled.is_set():
                    stream.cancel()
                for step in stream:
                    with self._changed:
                        self._steps.append(step)
                        self._changed.notify_all()
                state = _ended(stream.run)
        except RagbotError as problem:
            error = str(problem)
        except Exception as problem:  # a thread's end: nobody else would hear of it
            log.exception("the agent's run failed")
            error = f"unexpected {type(problem).__name__}: {' '.join(str(problem).split())[:300]}"
        with self._changed:
            self._state, self._error, self._asked = state, error, None
            self._ended = time.monotonic()
            self._changed.notify_all()

    def _set(self, state: SessionState, stream: AgentStream) -> None:
        with self._changed:
            self._state, self._stream = state, stream
            # One that goes on has steps already.
            self._steps = list(stream.run.steps)
            self._changed.notify_all()

    def _ask(self, request: ConsentRequest) -> bool:
        """Ask the person, and wait. Raises CancelledRunError where the run was given up, or nobody answers."""
        # What may have come from a text of others is asked about each time, whatever was said of the tool.
        if request.tool in self._granted and not request.suspicions and not request.repeated:
            return True
        deadline = time.monotonic() + self._patience
        with self._changed:
            self._questions += 1
            self._asked, self._decision, self._state = Asked(self._questions, request), None, "asking"
            self._changed.notify_all()
            try:
                while (decision := self._decided()) is None:
                    if self._cancelled.is_set() or time.monotonic() > deadline:
                        raise CancelledRunError
                    self._changed.wait(_TICK)
                if decision == "run":
                    self._granted.add(request.tool)
                return decision != "deny"
            finally:
                self._asked, self._state = None, "running"
                self._changed.notify_all()

    def _decided(self) -> Decision | None:
        return self._decision


class AgentSessions:
    """The runs at work in this program.

    Args:
        at_once: runs that may be at work at a time: a local model has only so many cores.
    """

    def __init__(self, at_once: int = 4) -> None:
        self._at_once = at_once
        self._sessions: dict[str, AgentSession] = {}
        self._lock = threading.Lock()

    def start(self, begin: Begin, question: str, language: str = "en", owner: str = "") -> AgentSession:
        """Begin a run.

        Raises:
            UserError: the question is empty, or too many runs are at work.
        """
        if not question.strip():
            raise UserError("the task is empty: say what is to be done")
        session = AgentSession(begin, question, language, owner)
        with self._lock:
            working = [one for one in self._sessions.values() if not one.view().finished]
            if len(working) >= self._at_once:
                raise UserError(f"{len(working)} runs are at work, which is all that may be: stop one, or wait for it")
            self._sessions[session.id] = session
            over = [one for one in self._sessions.values() if one.view().finished][: -_KEPT or None]
            for old in over:
                del self._sessions[old.id]
        session.start()
        return session

    def get(self, identity: str, owner: str = "") -> AgentSession | None:
        """A run of this owner; None where there is none."""
        with self._lock:
            found = self._sessions.get(identity)
        return found if found is not None and found.owner == owner else None

    def of(self, owner: str = "") -> list[AgentSession]:
        """The runs of this owner that are known, the newest first."""
        with self._lock:
            return [one for one in reversed(self._sessions.values()) if one.owner == owner]

    def close(self, wait: float = 5.0) -> None:
        """Give all of them up, and wait for that so long."""
        with self._lock:
            sessions = list(self._sessions.values())
        for session in sessions:
            session.cancel()
        deadline = time.monotonic() + wait
        for session in sessions:
            session.join(max(deadline - time.monotonic(), 0.0))


def _ended(run: AgentRun) -> SessionState:
    return "interrupted" if run.state == "interrupted" else "done"

"""A question on its way: what the page sees of it, moment by moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ragbot.documents import Answer
from ragbot.errors import RagbotError
from ragbot.index.filters import Filter
from ragbot.workspace.conversing import Conversation

if TYPE_CHECKING:
    from agents.steps import Step

#: Seconds between two looks at an answer: a page that is drawn for every word is slower than its reader.
_PACE = 0.1


@dataclass(frozen=True, slots=True)
class Moment:
    """How far an answer has come.

    Args:
        text: so far.
        steps: of the agent, so far.
        answered: the id of the turn and the answer, once it is whole.
        error: what nobody expected; what ragbot raises on purpose stands in the stored turn.
    """

    text: str = ""
    steps: tuple[Step, ...] = ()
    answered: tuple[int, Answer] | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class Question:
    """What is asked, in which conversation; ``steps`` is filled by the agent while it works."""

    conversation: Conversation
    text: str
    where: Filter
    instead_of: int | None = None
    steps: list[Step] = field(default_factory=list)


class Running:
    """The conversations in which something is being answered now, by whose they are and their ids. Thread-safe."""

    def __init__(self) -> None:
        self._stops: dict[tuple[str, str], list[threading.Event]] = {}
        self._changed = threading.Condition()

    @contextmanager
    def begun(self, owner: str, identity: str) -> Iterator[threading.Event]:
        """As long as this lasts, the conversation is being answered; the event is set when somebody stops that."""
        key, event = (owner, identity), threading.Event()
        with self._changed:
            self._stops.setdefault(key, []).append(event)
        try:
            yield event
        finally:
            with self._changed:
                self._stops[key].remove(event)
                if not self._stops[key]:
                    del self._stops[key]
                self._changed.notify_all()

    def stop(self, owner: str, identity: str) -> None:
        """Stop what is being answered in a conversation; its page is told by the one who answers."""
        with self._changed:
            for event in self._stops.get((owner, identity), ()):
                event.set()

    def wait(self, owner: str, identity: str, seconds: float) -> bool:
        """Wait until nothing is being answered there; False if the time was over before."""
        with self._changed:
            return self._changed.wait_for(lambda: (owner, identity) not in self._stops, seconds)


def moments(question: Question, stopped: threading.Event | None = None) -> Generator[Moment]:
    """The answer as it grows.

    Args:
        question: what is asked.
        stopped: when it is set, the answer ends; what there is of it is stored then, as where the iterator is closed, and
            after an error.
    """
    moment, last = Moment(), time.monotonic()
    yield moment
    try:
        stream = question.conversation.stream(question.text, question.where, instead_of=question.instead_of)
        with closing(stream):
            for piece in stream:
                if stopped is not None and stopped.is_set():
                    return
                moment = replace(moment, text=moment.text + piece, steps=tuple(question.steps))
                # Also where nothing has changed: it is here that the page can stop the answer.
                if time.monotonic() - last >= _PACE:
                    last = time.monotonic()
                    yield moment
        turn = stream.turn
        yield replace(moment, answered=(turn.id, stream.answer) if turn else None)
    except RagbotError:
        yield moment
    except Exception as error:  # noqa: BLE001  # whatever it is, the person is told, and the log keeps it
        yield replace(moment, error=error)

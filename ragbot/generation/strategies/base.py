"""What a prompt strategy is: a prompt, and a reading of what the model says to it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Protocol


class Say(Protocol):
    """Sends the prompt to the model, once for each call."""

    def __call__(self, temperature: float | None = None) -> Generator[str]:
        """One reply, piece by piece; closing it stops the model. None keeps the model's own temperature.

        Raises GenerationError where the model fails.
        """


@dataclass(frozen=True, slots=True)
class Request:
    """One question on its way to the model.

    Attributes:
        say: asks the model.
        refusal: the set phrase of an answer that the passages do not give.
        samples: how many replies are drawn where several are compared.
    """

    say: Say
    refusal: str
    samples: int


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to get an answer.

    Attributes:
        prompt: name of the prompt's files; it takes ``refusal``, ``context`` and ``question``.
        read: makes the answer of one request, as :meth:`ragbot.generation.answerers.Answerer.pieces` yields it.
        extra_tokens: what the model writes beside the answer, in tokens: room that it needs on top of the answer's.
    """

    prompt: str
    read: Callable[[Request], Iterator[str]]
    extra_tokens: int = 0

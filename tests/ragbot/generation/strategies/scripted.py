"""Replies that are given, in pieces of any size: a model's side of a request, without a model."""

from __future__ import annotations

from collections.abc import Callable, Generator

REFUSAL = "The documents do not answer this."


class Scripted:
    """Says the replies one after another; keeps the temperatures, and how many streams were closed."""

    def __init__(self, replies: list[str], size: int) -> None:
        self.replies, self.size = list(replies), size
        self.temperatures: list[float | None] = []
        self.closed = 0

    def __call__(self, temperature: float | None = None) -> Generator[str]:
        self.temperatures.append(temperature)
        reply = self.replies[len(self.temperatures) - 1]
        try:
            for start in range(0, len(reply), self.size):
                yield reply[start : start + self.size]
        finally:
            self.closed += 1


Read = Callable[..., tuple[str, list[str], Scripted]]

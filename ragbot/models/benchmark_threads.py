"""How many threads are worth it: the same model with more and more of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from ragbot.models.benchmark_peak import MatrixWork
from ragbot.models.cpu import cores

#: More threads have to be this much faster, as a share, to be worth it.
GAIN = 0.03


@dataclass(frozen=True)
class ThreadSpeed:
    """Tokens a second with so many threads."""

    threads: int
    tokens_per_second: float


#: Gives the model with so many threads, until the context is left.
WithThreads = Callable[[int], AbstractContextManager[Any]]


def counts(limit: int | None = None) -> tuple[int, ...]:
    """1, 2, 4 … and all the cores that this process may use (``limit`` instead, if given)."""
    most = limit or cores()
    powers = [2**power for power in range(most.bit_length()) if 2**power < most]
    return (*powers, most)


def best(speeds: Sequence[ThreadSpeed]) -> int:
    """The fewest threads that come within 3% of the fastest."""
    enough = (1 - GAIN) * max(speed.tokens_per_second for speed in speeds)
    return min(speed.threads for speed in speeds if speed.tokens_per_second >= enough)


def with_threads(model: Any, work: MatrixWork | None, load: Callable[..., Any]) -> WithThreads | None:
    """How to give ``model`` another number of threads; None where that means nothing (a GPU, a server).

    Args:
        load: makes the same model anew with ``threads=…``, for those that take it.
    """
    if work is None or work.device != "cpu":
        return None
    return _reloaded(load) if work.kind == "int8" else _torch(model)


def _reloaded(load: Callable[..., Any]) -> WithThreads:
    @contextmanager
    def use(threads: int) -> Iterator[Any]:
        model = load(threads=threads)
        try:
            yield model
        finally:
            close = getattr(model, "close", None)
            if close:
                close()

    return use


def _torch(model: Any) -> WithThreads:
    @contextmanager
    def use(threads: int) -> Iterator[Any]:
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            yield model
        finally:
            torch.set_num_threads(before)

    return use

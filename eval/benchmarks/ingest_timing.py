"""Side by side: candidates take turns, and what is reported is medians, and ratios within each turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from eval.benchmarks.setup import log


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some repetitions, the least and the largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of ``values``. Raises ValueError without any."""
        if not values:
            raise ValueError("a spread needs at least one value")
        return cls(statistics.median(values), min(values), max(values))

    def show(self, digits: int = 2, unit: str = "") -> str:
        """``3.12 [2.90, 3.30]``."""
        return f"{self.median:,.{digits}f}{unit} [{self.low:,.{digits}f}, {self.high:,.{digits}f}]"


@dataclass(slots=True)
class Cost:
    """Seconds by the clock, and of all cores together: the second suffers less from what else runs."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def measured() -> Iterator[Cost]:
    """What the block costs (processes that it starts do not count in ``cpu``)."""
    cost, wall, cpu = Cost(), time.perf_counter(), time.process_time()
    try:
        yield cost
    finally:
        cost.wall, cost.cpu = time.perf_counter() - wall, time.process_time() - cpu


def take_turns(candidates: Mapping[str, Callable[[], Cost]], repetitions: int, name: str = "") -> dict[str, list[Cost]]:
    """What each candidate costs, ``repetitions`` times: A B C, B C A, C A B, so that a busy minute meets them all.

    Each candidate measures itself, because what it prepares and cleans up does not count.
    """
    costs: dict[str, list[Cost]] = {candidate: [] for candidate in candidates}
    order = list(candidates)
    for turn in range(repetitions):
        for candidate in order[turn % len(order) :] + order[: turn % len(order)]:
            cost = candidates[candidate]()
            costs[candidate].append(cost)
            log(f"{name} {turn + 1}/{repetitions} {candidate}: {cost.wall:.2f} s, {cost.cpu:.2f} s of CPU")
    return costs


def ratio(dividend: Sequence[Cost], divisor: Sequence[Cost], cpu: bool = False) -> Spread:
    """``dividend / divisor`` turn by turn: what both had to suffer from other programs cancels out."""
    pairs = zip(dividend, divisor, strict=True)
    return Spread.of([a.cpu / b.cpu if cpu else a.wall / b.wall for a, b in pairs])


def rate(amount: float, costs: Sequence[Cost], digits: int = 0) -> str:
    """``amount`` a second by the clock."""
    return Spread.of([amount / cost.wall for cost in costs]).show(digits)


def faster(costs: Mapping[str, Sequence[Cost]], names: Sequence[str]) -> str:
    """The one of ``names`` with the smallest median."""
    return min(names, key=lambda name: statistics.median(cost.wall for cost in costs[name]))

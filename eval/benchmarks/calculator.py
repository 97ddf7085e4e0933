"""Is the calculator right, and does nothing make it slow? ``python -m eval.benchmarks.calculator``

300 expressions (half of them Chinese) against Python's ``fractions`` and ``decimal``, and 200 made to do harm, with the
time each takes; the slowest ones are named.
"""

from __future__ import annotations

import time

from agents.tools.arithmetic.calculate import calculate
from agents.tools.arithmetic.failures import CalculationError
from agents.tools.arithmetic.texts import failure_text
from agents.tools.arithmetic.values import Quantity
from eval.benchmarks.calculator_cases import agreement, hostile

#: Seconds that no expression may take.
BOUND = 0.05
#: Each is timed so often; the least time is the calculator's own, the rest is other work of the machine.
REPEATS = 3


def outcome(expression: str) -> tuple[str, float]:
    """``value``, or the key of the failure, and the seconds it took, its message included."""
    best, found = float("inf"), ""
    for _ in range(REPEATS):
        begun = time.perf_counter()
        try:
            calculate(expression)
            found = "value"
        except CalculationError as failure:
            found = failure.key
            failure_text(failure, "en")
        best = min(best, time.perf_counter() - begun)
    return found, best


def main() -> None:
    """Print how many agree, and how long they take."""
    cases = agreement()
    right = 0
    for case in cases:
        found = calculate(case.expression)
        right += isinstance(found, Quantity) and abs(found.value - case.expected) <= case.tolerance
    times = [outcome(case.expression)[1] for case in cases]
    print(f"expressions: {right} of {len(cases)} agree; slowest {max(times) * 1e3:.1f} ms")
    outcomes = [(expression, *outcome(expression)) for expression in hostile()]
    slow = sum(seconds >= BOUND for _, _, seconds in outcomes)
    refused = sum(kind != "value" for _, kind, _ in outcomes)
    print(f"hostile: {len(outcomes)}, {refused} refused, {slow} take {BOUND * 1e3:.0f} ms or more; the slowest:")
    for expression, kind, seconds in sorted(outcomes, key=lambda one: -one[2])[:8]:
        print(f"  {seconds * 1e3:6.1f} ms  {kind:<12} {expression[:60]!r}")
    print("hostile ones that have a value:")
    for expression, kind, _ in outcomes:
        if kind == "value":
            print(f"  {expression[:70]!r}")


if __name__ == "__main__":
    main()

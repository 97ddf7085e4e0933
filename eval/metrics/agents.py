"""What an agent called, against what it should have called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

#: Name of the tool, and its arguments.
Call = tuple[str, Mapping[str, Any]]


def tool_call_scores(expected: Sequence[Call], made: Sequence[Call]) -> dict[str, float]:
    """Score the calls of one task; their order does not matter, how often one is made does.

    Two calls are the same if tool and arguments are, in any order of the arguments: numbers by value (1 is 1.0, but
    not ``"1"`` nor true), strings without case and outer blanks, lists item by item.

    Returns:
        ``right_tools``: 1.0 if exactly the expected tools were called, each as often as expected. ``right_arguments``:
        1.0 if every expected call was made; others may have been made as well. ``tool_call_f1``: harmonic mean of the
        share of made calls that were expected and of expected calls that were made; 1.0 if there are neither.
        ``steps``: calls made. ``loops``: calls made that repeat an earlier one.
    """
    wanted, done = (Counter((tool, _canonical(arguments)) for tool, arguments in calls) for calls in (expected, made))
    total = len(expected) + len(made)
    return {
        "right_tools": float(Counter(tool for tool, _ in expected) == Counter(tool for tool, _ in made)),
        "right_arguments": float(wanted <= done),
        "tool_call_f1": 2 * (wanted & done).total() / total if total else 1.0,
        "steps": float(len(made)),
        "loops": float(len(made) - len(done)),
    }


def _canonical(value: Any) -> Hashable:
    """A value that is equal for arguments that mean the same; the kind keeps 1, "1" and true apart."""
    match value:
        case bool() | None:
            return ("constant", str(value))
        case int() | float():
            return ("number", value if value == value else "nan")
        case str():
            return ("text", value.strip().casefold())
        case Mapping():
            return ("mapping", frozenset((key, _canonical(item)) for key, item in value.items()))
        case list() | tuple():
            return ("list", tuple(_canonical(item) for item in value))
        case _:
            return ("other", repr(value))

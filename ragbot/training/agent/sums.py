"""Scenarios of the calculator in words: everyday problems, each of which one expression solves.

A structure is an entry of the templates that has an ``expression``. Beside it stand its ``numbers``, each with the lowest
and the highest value and, where it is not whole, the number of decimals (-2: whole hundreds), and in ``where`` what has
to hold between two of them: ``a < b``, ``a != b``, or ``a | b`` where ``a`` is to divide ``b``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from ragbot.training.agent.scenarios import Ask, Scenario, Script, Stage, UnusableError, data, plain
from ragbot.training.agent.texts import answer, question, templates

Number = int | float
#: Characters of a result that a small model can copy.
LONGEST = 12
#: Draws after which numbers that fit together are given up.
_ATTEMPTS = 200
#: Share of English questions with commas in their numbers; from one thousand on.
_COMMAS, _THOUSAND = 0.33, 1000
_ORDERS: Mapping[str, Callable[[Number, Number], bool]] = {
    "<": lambda first, second: first < second,
    "<=": lambda first, second: first <= second,
    "!=": lambda first, second: first != second,
    "|": lambda first, second: second % first == 0,
}


def sums(stage: Stage) -> Scenario:
    """A problem in words, and the one expression that solves it."""
    draw, language = stage.draw, stage.language
    template = draw.choice(sorted(structures(language)))
    numbers = numbers_of(draw, structures(language)[template])
    expression = str(structures(language)[template]["expression"]).format(**numbers)
    asked = question(draw, language, template, **_written(draw, language, numbers))

    def script() -> Script:
        found = yield Ask("calculator", {"expression": expression})
        value = data(found)["shown"]
        # Less than nothing comes out where the numbers do not suit the story.
        if len(value) > LONGEST or value.startswith("-"):
            raise UnusableError(value)
        return answer(draw, language, template, **numbers, value=value, s=found.source)

    return Scenario(template, language, asked, ("calculator",), script)


@cache
def structures(language: str) -> Mapping[str, Mapping[str, Any]]:
    """The templates that say what is computed."""
    return {name: one for name, one in templates(language).items() if "expression" in one}


def numbers_of(draw: random.Random, structure: Mapping[str, Any]) -> Mapping[str, Number]:
    """Numbers that fit together. Raises UnusableError where so many draws bring none."""
    for _ in range(_ATTEMPTS):
        numbers = {name: _number(draw, *limits) for name, limits in structure["numbers"].items()}
        if ordered(numbers, structure.get("where", ())):
            return numbers
    raise UnusableError("no numbers that fit together")


def ordered(numbers: Mapping[str, Number], where: Sequence[str]) -> bool:
    """Whether all of ``where`` holds, such as ``a < b``."""
    parts = (one.split() for one in where)
    return all(_ORDERS[sign](numbers[first], numbers[second]) for first, sign, second in parts)


def _number(draw: random.Random, low: float, high: float, decimals: int = 0) -> Number:
    scale = 10.0**decimals
    return plain(f"{draw.randint(round(low * scale), round(high * scale)) / scale:.{max(decimals, 0)}f}")


def _written(draw: random.Random, language: str, numbers: Mapping[str, Number]) -> Mapping[str, str]:
    """As they stand in a question: 1250, or 1,250."""
    commas = language == "en" and draw.random() < _COMMAS
    return {
        name: f"{value:,}" if commas and isinstance(value, int) and value >= _THOUSAND else str(value)
        for name, value in numbers.items()
    }

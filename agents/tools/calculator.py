"""Exact arithmetic for a model: numbers, percentages, units and dates, written in English or in Chinese."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from langchain_core.tools import BaseTool

from agents.tools.arithmetic.calculate import calculate
from agents.tools.arithmetic.failures import CalculationError
from agents.tools.arithmetic.formats import exact_text, read_text, rounded_text, unit_text, value_text
from agents.tools.arithmetic.texts import NOTES, failure_text
from agents.tools.arithmetic.values import Day, Quantity, Truth, Value, Weekday
from agents.tools.base import Result, ToolInputError, Traits, tool
from agents.tools.numbers_read import expression_pattern
from agents.tools.wording import spoken_for

SUMMARIES = {
    "en": "calculates: numbers, percentages, units, dates (days between two days, a day plus 90 days)",
    "zh": "计算：算术、百分比、单位、日期（两个日期相差几天、某天加 90 天）",
}


def calculator(language: str = "en", today: Callable[[], date] = date.today) -> BaseTool:
    """A tool that computes exactly.

    Args:
        language: of its answers where the expression is in none (``en`` or ``zh``).
        today: what day it is, for ``today`` and days without a year.
    """

    traits = Traits(
        timeout=5.0,
        trusted=True,
        summaries=SUMMARIES,
        narrow=lambda read: {"expression": {"pattern": expression_pattern(read)}},
    )

    @tool("calculator", traits)
    def compute(expression: str) -> Result:
        """Calculate an expression exactly.

        Args:
            expression: for example (3 + 4) * 5, 15% of 240, sqrt(2), 5 km to miles, 2026-03-01 - today, 一百二十三乘以四.
        """
        spoken = spoken_for(expression, language)
        try:
            value = calculate(expression, today)
        except CalculationError as failure:
            raise ToolInputError(failure_text(failure, spoken)) from None
        asked = " ".join(expression.split()).rstrip("=?？。 ")
        sign = ":" if isinstance(value, Weekday | Truth) else " ="
        text = f"{asked}{sign} {value_text(value, spoken)}".replace(" = ≈", " ≈")
        notes = [NOTES[name][spoken] for name in _notes(expression, value)]
        return Result("\n".join([text, *notes]), data=as_data(value))

    return compute


def as_data(value: Value) -> dict[str, Any]:
    """A result for programs: ``type``, and what there is of ``value``, ``exact``, ``unit``, ``date``.

    Of a number, ``decimal`` has 15 digits, and ``shown`` those that the text has.
    """
    if isinstance(value, Day):
        return {"type": "date", "date": value.date.isoformat()}
    if isinstance(value, Weekday):
        return {"type": "weekday", "weekday": value.number + 1}
    if isinstance(value, Truth):
        return {"type": "truth", "value": value.holds}
    if not isinstance(value, Quantity):
        raise TypeError(f"{type(value).__name__} is no result of an expression")
    exact = exact_text(value.value) if value.exact else None
    return {
        "type": "number",
        "value": exact or rounded_text(value.value),
        "exact": exact is not None,
        "decimal": rounded_text(value.value),
        "shown": read_text(value),
        **({"unit": unit_text(value.units, "en", one=True)} if value.units else {}),
    }


def _notes(expression: str, value: Value) -> list[str]:
    working = any(
        word in expression.casefold() for word in ("workday", "working day", "business day", "工作日", "networkdays")
    )
    counted = isinstance(value, Day) or (isinstance(value, Quantity) and value.units)
    return ["workday"] if working and counted else []

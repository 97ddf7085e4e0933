"""Calls of functions: those of days, and those of numbers, to which units are handed through where they make sense."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from agents.tools.arithmetic import operations
from agents.tools.arithmetic.days import days, workdays
from agents.tools.arithmetic.failures import CalculationError
from agents.tools.arithmetic.functions import CONSTANTS, FUNCTIONS
from agents.tools.arithmetic.values import Day, Quantity, Value, Weekday

#: The result is in the unit of the first argument.
_KEEP = frozenset({"abs", "floor", "ceil", "round", "min", "max", "sum", "mean", "median", "stdev", "pstdev"})
_ANGLES = frozenset({"sin", "cos", "tan"})
_ROOTS = {"sqrt": 2, "cbrt": 3}
_NAMED_DAYS = {
    "today": 0,
    "tomorrow": 1,
    "yesterday": -1,
    "day_after_tomorrow": 2,
    "day_before_yesterday": -2,
}


def constant(name: str, today: Callable[[], date]) -> Value:
    """What a name stands for: pi, e, today."""
    if name in _NAMED_DAYS:
        return Day(today() + timedelta(_NAMED_DAYS[name]))
    return CONSTANTS[name]


def call(name: str, given: Sequence[Value]) -> Value:
    """The result of a function.

    Raises:
        CalculationError: the wrong number or kind of arguments, or no result.
    """
    if name in ("weekday", "workdays", "days", "date"):
        return _of_days(name, given)
    if name in ("min", "max") and given and all(isinstance(one, Day) for one in given):
        chosen = [one.date for one in given if isinstance(one, Day)]
        return Day(min(chosen) if name == "min" else max(chosen))
    function = FUNCTIONS[name]
    if not function.least <= len(given) <= function.most:
        raise CalculationError("arguments", name=name, least=function.least, most=function.most)
    quantities = [one for one in given if isinstance(one, Quantity)]
    if len(quantities) < len(given):
        raise CalculationError("not_number")
    if name in _ANGLES:
        return function.apply([operations.radians(quantities[0])])
    if name in _ROOTS and quantities[0].units:
        return operations.power(quantities[0], Quantity(Fraction(1, _ROOTS[name])))
    if name not in _KEEP:
        if any(one.units for one in quantities):
            raise CalculationError("function_unit", name=name)
        return function.apply([one.plain() for one in quantities])
    units = quantities[0].units
    second = 1 if name == "round" else len(quantities)  # places have no unit
    plain = [replace(operations.converted(one, units), units=(), percent=False) for one in quantities[:second]]
    percent = all(one.percent for one in quantities)
    return replace(function.apply([*plain, *quantities[second:]]), units=units, percent=percent)


def _of_days(name: str, given: Sequence[Value]) -> Value:
    if name == "date":
        parts = [one.whole if isinstance(one, Quantity) else None for one in given]
        if len(parts) != 3 or None in parts:
            raise CalculationError("arguments", name=name, least=3, most=3)
        try:
            return Day(date(*(part for part in parts if part is not None)))
        except (ValueError, OverflowError):
            raise CalculationError("date", date="-".join(map(str, parts))) from None
    dates = [one.date for one in given if isinstance(one, Day)]
    if len(dates) < len(given):
        raise CalculationError("not_day", name=name)
    wanted = 1 if name == "weekday" else 2
    if len(dates) != wanted:
        raise CalculationError("arguments", name=name, least=wanted, most=wanted)
    if name == "weekday":
        return Weekday(dates[0].weekday())
    return days(workdays(dates[0], dates[1]), "workday") if name == "workdays" else days((dates[1] - dates[0]).days)

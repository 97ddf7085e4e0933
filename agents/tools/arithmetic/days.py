"""Days of the Gregorian calendar: differences, months that end early, working days from Monday to Friday."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from fractions import Fraction

from agents.tools.arithmetic.failures import CalculationError
from agents.tools.arithmetic.unit_table import unit_names
from agents.tools.arithmetic.values import Day, Quantity, Value

_MONTHS = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200}
_DAY = 86_400
_LARGEST = 4_000_000


def days(count: int, unit: str = "day") -> Quantity:
    """So many days, or working days with ``unit="workday"``."""
    return Quantity(Fraction(count), units=((unit_names()[unit], 1),))


def add_to_day(day: Day, quantity: Quantity) -> Day:
    """A day so much later; months keep the day of the month, or take the last there is (31 January + 1 month).

    Raises:
        CalculationError: not a whole number of days, months or working days, or beyond the years 1 to 9999.
    """
    if len(quantity.units) > 1:
        raise CalculationError("day_operation")
    unit, power = quantity.units[0] if quantity.units else (unit_names()["day"], 1)
    if power != 1 or quantity.percent or unit.dimension not in ((("time", 1),), (("workday", 1),)):
        raise CalculationError("day_operation")
    number = quantity.value
    if unit.name in _MONTHS:
        number *= _MONTHS[unit.name]
    elif unit.name != "workday":
        number = number * unit.factor / _DAY
    if number.denominator != 1 or not quantity.exact:
        raise CalculationError("whole_days")
    count = int(number)
    if abs(count) > _LARGEST:
        raise CalculationError("calendar")
    try:
        if unit.name in _MONTHS:
            return Day(_months_later(day.date, count))
        if unit.name == "workday":
            return Day(_workdays_later(day.date, count))
        return Day(day.date + timedelta(count))
    except (OverflowError, ValueError):
        raise CalculationError("calendar") from None


def subtract_from_day(day: Day, other: Value) -> Value:
    """The days between two days, or a day so much earlier."""
    if isinstance(other, Day):
        return days((day.date - other.date).days)
    if not isinstance(other, Quantity):
        raise CalculationError("day_operation")
    return add_to_day(day, Quantity(-other.value, other.exact, other.units, other.percent))


def workdays(first: date, last: date) -> int:
    """Days from Monday to Friday, the first and the last included; negative where ``last`` is before ``first``."""
    if last < first:
        return -workdays(last, first)
    weeks, rest = divmod((last - first).days + 1, 7)
    return weeks * 5 + sum((first.weekday() + day) % 7 < 5 for day in range(rest))


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _workdays_later(day: date, count: int) -> date:
    step = 1 if count > 0 else -1
    weeks, rest = divmod(abs(count), 5)
    if rest == 0 and weeks:  # so that a Saturday and five working days end on a Friday
        weeks, rest = weeks - 1, 5
    day += timedelta(step * 7 * weeks)
    while rest:
        day += timedelta(step)
        rest -= day.weekday() < 5
    return day

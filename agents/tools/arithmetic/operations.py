"""Operations on quantities: units are carried along, and no result is computed before its size is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType

from agents.tools.arithmetic.constants import CONTEXT
from agents.tools.arithmetic.failures import CalculationError
from agents.tools.arithmetic.functions import inexact, root
from agents.tools.arithmetic.unit_table import Unit, unit_names
from agents.tools.arithmetic.values import (
    MOST_BITS,
    MOST_DIGITS,
    Quantity,
    Units,
    bounded,
    decimal_of,
)

_MOST_ROOT = 1_000
_MOST_UNITS = 6
_MOST_POWER = 12
#: The unit that the factors of a dimension count in.
_BASES = {"length": "m", "mass": "kg", "time": "s", "information": "B", "angle": "rad", "temperature": "K"}


def add(left: Quantity, right: Quantity) -> Quantity:
    """The sum in the units of ``left``; a percentage adds a share of ``left``."""
    if right.percent and not left.percent:
        return multiply(left, Quantity(1 + right.value, right.exact))
    _no_reading(left, right)
    other = converted(right, left.units)
    return _made(left.value + other.value, left.exact and other.exact, left.units, left.percent and right.percent)


def subtract(left: Quantity, right: Quantity) -> Quantity:
    """The difference in the units of ``left``; a percentage takes a share of ``left`` away.

    Of two temperatures it is the degrees between them.
    """
    if right.percent and not left.percent:
        return multiply(left, Quantity(1 - right.value, right.exact))
    if left.affine and right.affine:
        kelvin = unit_names()["K"]
        degrees = left.value - converted(right, left.units).value
        return Quantity(degrees * left.affine.factor, left.exact and right.exact, ((kelvin, 1),))
    _no_reading(left, right)
    other = converted(right, left.units)
    return _made(left.value - other.value, left.exact and other.exact, left.units, left.percent and right.percent)


def multiply(left: Quantity, right: Quantity) -> Quantity:
    """The product, with the units of both."""
    # -1 times a temperature is its other sign; any other multiple has no meaning without a zero that is one.
    if not (abs(left.value) == 1 and not left.units):
        _no_reading(left, right)
    units, scale, exact = _merged(left.units, right.units)
    return _made(left.value * right.value * scale, left.exact and right.exact and exact, units)


def divide(left: Quantity, right: Quantity) -> Quantity:
    """The quotient. Raises CalculationError for a divisor of zero."""
    _no_reading(left, right)
    if not right.value:
        raise CalculationError("zero")
    units, scale, exact = _merged(left.units, tuple((unit, -power) for unit, power in right.units))
    return _made(left.value / right.value * scale, left.exact and right.exact and exact, units)


def floor_divide(left: Quantity, right: Quantity) -> Quantity:
    """How often ``right`` goes into ``left``, rounded down, as Python does it."""
    ratio = _same_kind(left, right)
    return Quantity(Fraction(math.floor(ratio)))


def modulo(left: Quantity, right: Quantity) -> Quantity:
    """What is left over, with the sign of ``right``, as in Python."""
    ratio = _same_kind(left, right)
    other = converted(right, left.units)
    return _made(left.value - math.floor(ratio) * other.value, left.exact and other.exact, left.units)


def power(base: Quantity, exponent: Quantity) -> Quantity:
    """``base`` to the power of ``exponent``; exact for whole exponents, and for roots that are rational."""
    _no_reading(base, base)
    if exponent.units:
        raise CalculationError("unit_exponent")
    n = exponent.value
    if base.units and (n.denominator != 1 or abs(n) > _MOST_POWER):
        return _root_of_units(base, n)
    if not base.value and n < 0:
        raise CalculationError("zero")
    if n.denominator == 1 and exponent.exact:
        units = tuple((unit, own * int(n)) for unit, own in base.units) if n else ()
        return _made(_whole_power(base.value, int(n)), base.exact, units)
    if n.denominator <= _MOST_ROOT and exponent.exact:
        if base.value < 0:
            raise CalculationError("negative_power")
        found = root(Quantity(base.value, base.exact), n.denominator)
        if found.exact:
            return _made(_whole_power(found.value, n.numerator), True, ())
    return _real_power(base, n)


def compare(left: Quantity, right: Quantity) -> int:
    """-1, 0 or 1, as ``left`` is less than, equal to, or more than ``right``."""
    difference = left.value - converted(right, left.units).value
    if not (left.exact and right.exact) and abs(difference) < Fraction(1, 10**40):
        return 0
    return (difference > 0) - (difference < 0)


def negated(quantity: Quantity) -> Quantity:
    """The same with the other sign."""
    return replace(quantity, value=-quantity.value)


def converted(quantity: Quantity, units: Units) -> Quantity:
    """The same quantity in other units.

    Raises:
        CalculationError: they measure something else; between currencies, that there is no rate.
    """
    if quantity.units == units:
        return quantity
    goal = Quantity(Fraction(1), units=units)
    if quantity.dimension != goal.dimension:
        raise CalculationError(
            "money" if _money(quantity.units) and _money(units) else "dimension", left=quantity.units, right=units
        )
    if quantity.affine or goal.affine:
        here = quantity.affine or quantity.units[0][0]
        there = goal.affine or units[0][0]
        base = (quantity.value + here.offset) * here.factor
        return Quantity(base / there.factor - there.offset, quantity.exact, units)
    exact = quantity.exact and all(unit.exact for unit, _ in (*quantity.units, *units))
    return _made(quantity.value * quantity.factor / goal.factor, exact, units)


def radians(quantity: Quantity) -> Quantity:
    """An angle as a plain number of radians; a plain number as it is."""
    if not quantity.units:
        return quantity.plain()
    return replace(converted(quantity, ((unit_names()["rad"], 1),)), units=())


def _made(value: Fraction, exact: bool, units: Units, percent: bool = False) -> Quantity:
    if len(units) > _MOST_UNITS or any(abs(own) > _MOST_POWER for _, own in units):
        raise CalculationError("units")
    return Quantity(bounded(value, exact), exact, units, percent)


def _whole_power(base: Fraction, n: int) -> Fraction:
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    # 2, -1 and 1 have powers of known size; of any other base, each bit of it counts.
    if abs(base) in (0, 1):
        return base ** (n % 2 if n and abs(base) == 1 else min(n, 1))
    if (size - 1) * abs(n) > MOST_BITS:
        raise CalculationError("large_result", digits=MOST_DIGITS, about=_digits(base, n))
    return Fraction(base**n)


def _digits(base: Fraction, n: int) -> str:
    """How many digits a power would have, for the message."""
    if n.bit_length() > 60:
        return "> 10^18"
    # Logarithms of numerator and denominator apart: a fraction near to 1 is 1 as a float.
    size = max(math.log10(abs(base.numerator)), math.log10(base.denominator))
    return f"{abs(n) * size:,.0f}"


def _real_power(base: Quantity, n: Fraction) -> Quantity:
    if base.value < 0:
        raise CalculationError("negative_power")
    if not base.value:
        return Quantity(Fraction(0))
    size = abs(math.log10(base.value.numerator) - math.log10(base.value.denominator)) * float(
        min(abs(n), Fraction(10**6))
    )
    if size > MOST_DIGITS or abs(n) > 10**6:
        raise CalculationError("large", digits=MOST_DIGITS)
    return inexact(CONTEXT.power(decimal_of(base.value), decimal_of(n)))


def _root_of_units(base: Quantity, n: Fraction) -> Quantity:
    """A root of a quantity whose units have one: the side of 9 m² is 3 m."""
    if abs(n) > _MOST_POWER or n.denominator > _MOST_POWER:
        raise CalculationError("units")
    plain = base
    if any(own % n.denominator for _, own in base.units):
        plain = _spread(base)
    if any(own % n.denominator for _, own in plain.units):
        raise CalculationError("units")
    number = power(Quantity(plain.value, plain.exact), Quantity(n))
    return replace(number, units=tuple((unit, int(own * n)) for unit, own in plain.units))


def _spread(quantity: Quantity) -> Quantity:
    """The same in powers of base units: hectares as square metres."""
    if any(base not in _BASES for base, _ in quantity.dimension):
        raise CalculationError("units")
    return converted(quantity, tuple((unit_names()[_BASES[base]], own) for base, own in quantity.dimension))


def _same_kind(left: Quantity, right: Quantity) -> Fraction:
    """How many times ``right`` is in ``left``."""
    _no_reading(left, right)
    other = converted(right, left.units)
    if not other.value:
        raise CalculationError("zero")
    return bounded(left.value / other.value)


def _no_reading(left: Quantity, right: Quantity) -> None:
    unit = left.affine or right.affine
    if unit:
        raise CalculationError("reading", unit=unit)


def _money(units: Units) -> bool:
    return len(units) == 1 and units[0][0].money


def _merged(left: Units, right: Units) -> tuple[Units, Fraction, bool]:
    """The units of a product, those of one dimension joined, and the factor that joining them costs."""
    merged: dict[Unit, int] = dict(left)
    scale, exact = Fraction(1), True
    for unit, own in right:
        same = next((known for known in merged if known.dimension == unit.dimension), None)
        if same is None:
            merged[unit] = own
            continue
        if same is not unit:
            scale *= (unit.factor / same.factor) ** own
            exact = exact and unit.exact and same.exact
        merged[same] += own
    units = tuple((unit, own) for unit, own in merged.items() if own)
    left_over = Quantity(Fraction(1), units=units)
    if units and not left_over.dimension:  # m³ and L in one quotient: what they measure cancels out
        return (), scale * left_over.factor, exact and all(unit.exact for unit, _ in units)
    if len(units) > 1 and len(left_over.dimension) == 1 and (base := left_over.dimension[0])[0] in _BASES:
        # m²/m is m: one unit is enough for what has one dimension.
        one = next((unit for unit, _ in units if unit.dimension == ((base[0], 1),)), unit_names()[_BASES[base[0]]])
        joined = Quantity(Fraction(1), units=((one, base[1]),))
        exact = exact and one.exact and all(unit.exact for unit, _ in units)
        return joined.units, scale * left_over.factor / joined.factor, exact
    return units, scale, exact


#: By the name of the operator.
OPERATIONS: Mapping[str, Callable[[Quantity, Quantity], Quantity]] = MappingProxyType(
    {
        "+": add,
        "-": subtract,
        "*": multiply,
        "/": divide,
        "//": floor_divide,
        "mod": modulo,
        "**": power,
    }
)

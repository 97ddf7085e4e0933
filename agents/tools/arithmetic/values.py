"""What an expression can be: a quantity, a day, a day of the week, or a truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction

from agents.tools.arithmetic.constants import CONTEXT
from agents.tools.arithmetic.failures import CalculationError
from agents.tools.arithmetic.unit_table import Dimension, Unit

#: Bits of the largest numerator or denominator: some 3,000 decimal digits. Sizes are estimated before they are computed.
MOST_BITS = 10_000
MOST_DIGITS = 3_000

Units = tuple[tuple[Unit, int], ...]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number, with units or without.

    Attributes:
        value: how many of ``units``.
        exact: whether ``value`` is the very number; otherwise it is right to some 50 digits.
        units: units and their powers; empty for a plain number.
        percent: it was written as a percentage, so that adding it means adding a share.
    """

    value: Fraction
    exact: bool = True
    units: Units = ()
    percent: bool = False

    @property
    def dimension(self) -> Dimension:
        """Powers of the base dimensions, sorted by name; empty for a plain number."""
        powers: dict[str, int] = {}
        for unit, power in self.units:
            for base, own in unit.dimension:
                powers[base] = powers.get(base, 0) + own * power
        return tuple(sorted((base, power) for base, power in powers.items() if power))

    @property
    def factor(self) -> Fraction:
        """How many base units one of ``units`` is, zero points left aside."""
        product = Fraction(1)
        for unit, power in self.units:
            product *= unit.factor**power
        return product

    @property
    def affine(self) -> Unit | None:
        """The unit with a zero point of its own (°C, °F) that this is a reading in; None for any other quantity."""
        if len(self.units) == 1 and self.units[0][1] == 1 and self.units[0][0].offset:
            return self.units[0][0]
        return None

    @property
    def whole(self) -> int | None:
        """The value as an integer where it is one, exactly, and without a unit."""
        return int(self.value) if self.exact and not self.units and self.value.denominator == 1 else None

    def plain(self) -> Quantity:
        """The same, no longer a percentage."""
        return replace(self, percent=False) if self.percent else self


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the calendar (Gregorian)."""

    date: date


@dataclass(frozen=True, slots=True)
class Weekday:
    """A day of the week, from 0 for Monday."""

    number: int


@dataclass(frozen=True, slots=True)
class Truth:
    """The outcome of a comparison."""

    holds: bool


Value = Quantity | Day | Weekday | Truth


def bounded(value: Fraction, exact: bool = True) -> Fraction:
    """``value``, which is not too large to go on with; an inexact one is rounded.

    Raises:
        CalculationError: it has more than :data:`MOST_BITS`.
    """
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_BITS:
        raise CalculationError("large", digits=MOST_DIGITS)
    if exact:
        return value
    return Fraction(decimal_of(value))


def decimal_of(value: Fraction) -> Decimal:
    """``value`` to the working precision."""
    with localcontext(CONTEXT):
        return Decimal(value.numerator) / Decimal(value.denominator)

"""Functions of numbers: exact where the result is rational, otherwise to the working precision.

The series are the Maclaurin series, with arguments brought near zero first (see DLMF 4.19, 4.24).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from types import MappingProxyType

from agents.tools.arithmetic.constants import CONTEXT, PI, E
from agents.tools.arithmetic.failures import CalculationError
from agents.tools.arithmetic.values import MOST_BITS, MOST_DIGITS, Quantity, bounded, decimal_of

#: Beyond this an angle's digits are all gone in the reduction.
_LARGEST_ANGLE = 10**20
#: e to more than this is beyond MOST_DIGITS.
_LARGEST_EXPONENT = 6_900
#: Of what should be zero, this much can be left of rounding.
_NOTHING = Fraction(1, 10**50)


@dataclass(frozen=True, slots=True)
class Function:
    """``apply`` takes between ``least`` and ``most`` plain numbers."""

    apply: Callable[[Sequence[Quantity]], Quantity]
    least: int
    most: int


def inexact(value: Fraction | Decimal) -> Quantity:
    """A number that is right to the working precision."""
    fraction = Fraction(value)
    return Quantity(
        Fraction(0) if abs(fraction) < _NOTHING and fraction else bounded(fraction, exact=False), exact=False
    )


def root(number: Quantity, degree: int) -> Quantity:
    """The real root of a number; exact where it is rational.

    Raises:
        CalculationError: an even root of a negative number, or a degree out of bounds.
    """
    if not 1 <= degree <= 1_000:
        raise CalculationError("degree", degree=degree)
    value = number.value
    if value < 0 and degree % 2 == 0:
        raise CalculationError("negative_root")
    sign, value = (-1 if value < 0 else 1), abs(value)
    top, bottom = _integer_root(value.numerator, degree), _integer_root(value.denominator, degree)
    if number.exact and top**degree == value.numerator and bottom**degree == value.denominator:
        return Quantity(Fraction(sign * top, bottom))
    with localcontext(CONTEXT):
        found = decimal_of(value).sqrt() if degree == 2 else decimal_of(value) ** (Decimal(1) / degree)
    return inexact(sign * Fraction(found))  # a product of decimals would be rounded to the caller's precision


def factorial(number: Quantity) -> Quantity:
    """``n!``. Raises CalculationError for what is no natural number, and before it gets too large."""
    n = number.whole
    if n is None or n < 0:
        raise CalculationError("natural", name="factorial")
    if n > 1 and n.bit_length() < 200 and math.lgamma(n + 1) / math.log(2) > MOST_BITS:
        digits = math.lgamma(n + 1) / math.log(10) if n < 10**15 else math.inf
        raise CalculationError(
            "large_result", digits=MOST_DIGITS, about=f"{digits:,.0f}" if digits < 1e15 else "> 10^15"
        )
    if n.bit_length() >= 200:
        raise CalculationError("large", digits=MOST_DIGITS)
    return Quantity(Fraction(math.factorial(n)))


def logarithm(number: Quantity, base: Quantity | None = None) -> Quantity:
    """The logarithm to a base, the natural one without; exact where it is an integer."""
    value = number.value
    if value <= 0:
        raise CalculationError("log_domain")
    if base is None:
        if value == 1 and number.exact:
            return Quantity(Fraction(0))
        return inexact(decimal_of(value).ln(CONTEXT))
    if base.value <= 0 or base.value == 1:
        raise CalculationError("log_base")
    with localcontext(CONTEXT):
        below = decimal_of(base.value).ln()
        if not below:
            raise CalculationError("log_base")  # too near to 1 to be told from it
        found = decimal_of(value).ln() / below
    near = round(found)
    size = max(base.value.numerator.bit_length(), base.value.denominator.bit_length())
    if number.exact and base.exact and abs(near) * size <= 2 * MOST_BITS and base.value**near == value:
        return Quantity(Fraction(near))
    return inexact(found)


def exponential(number: Quantity) -> Quantity:
    """e to the power of ``number``."""
    if abs(number.value) > _LARGEST_EXPONENT:
        raise CalculationError("large", digits=MOST_DIGITS)
    if number.value == 0 and number.exact:
        return Quantity(Fraction(1))
    # Not through inexact(): a tiny power of e is not what is left of rounding.
    return Quantity(bounded(Fraction(decimal_of(number.value).exp(CONTEXT)), exact=False), exact=False)


def sine(number: Quantity, shift: Fraction = Fraction(0)) -> Quantity:
    """The sine of ``number`` + ``shift`` radians."""
    if abs(number.value) > _LARGEST_ANGLE:
        raise CalculationError("angle")
    if number.value == 0 and number.exact and not shift:
        return Quantity(Fraction(0))
    angle = (number.value + shift) % (2 * PI)
    angle = angle - 2 * PI if angle > PI else angle
    with localcontext(CONTEXT):
        x = decimal_of(angle)
        term = total = x
        order = 1
        while abs(term) > Decimal(10) ** -70:
            order += 2
            term = -term * x * x / (order * (order - 1))
            total += term
    return inexact(total)


def cosine(number: Quantity) -> Quantity:
    """The cosine of ``number`` radians."""
    return Quantity(Fraction(1)) if number.value == 0 and number.exact else sine(number, PI / 2)


def tangent(number: Quantity) -> Quantity:
    """The tangent of ``number`` radians; CalculationError at its poles."""
    below = cosine(number).value
    if not below:
        raise CalculationError("pole")
    above = sine(number)
    return Quantity(Fraction(0)) if not above.value and above.exact else inexact(above.value / below)


def arctangent(number: Quantity) -> Quantity:
    """The angle in radians between -pi/2 and pi/2 whose tangent is ``number``."""
    if number.value == 0 and number.exact:
        return Quantity(Fraction(0))
    with localcontext(CONTEXT):
        x, halved = decimal_of(number.value), 0
        while abs(x) > Decimal("0.1"):
            x = x / (1 + (1 + x * x).sqrt())  # the half of the angle
            halved += 1
        power = total = x
        order = 1
        while abs(power) > Decimal(10) ** -70:
            order += 2
            power = -power * x * x
            total += power / order
        return inexact(total * 2**halved)


def arcsine(number: Quantity) -> Quantity:
    """The angle in radians between -pi/2 and pi/2 whose sine is ``number``."""
    x = number.value
    if abs(x) > 1:
        raise CalculationError("arc_domain")
    if abs(x) == 1:
        return inexact(PI / 2 * x)
    return arctangent(Quantity(x / root(Quantity(1 - x * x), 2).value, number.exact))


def _arccosine(number: Quantity) -> Quantity:
    return inexact(PI / 2 - arcsine(number).value)


def _rounded(given: Sequence[Quantity]) -> Quantity:
    places = given[1].whole if len(given) == 2 else 0
    if places is None or abs(places) > 1_000:
        raise CalculationError("places")
    scale = Fraction(10) ** places
    scaled = given[0].value * scale
    # Half away from zero, as people round: 2.5 is 3, and -2.5 is -3.
    nearest = math.floor(abs(scaled) + Fraction(1, 2)) * (-1 if scaled < 0 else 1)
    return Quantity(nearest / scale)


def _total(values: Iterable[Fraction]) -> Fraction:
    """The sum, bounded at every step: denominators multiply."""
    total = Fraction(0)
    for value in values:
        total = bounded(total + value)
    return total


def _mean(given: Sequence[Quantity]) -> Quantity:
    return Quantity(_total(one.value for one in given) / len(given), _exact(given))


def _median(given: Sequence[Quantity]) -> Quantity:
    ordered = sorted(one.value for one in given)
    middle = len(ordered) // 2
    value = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return Quantity(value, _exact(given))


def _deviation(given: Sequence[Quantity], less: int) -> Quantity:
    mean = _mean(given).value
    squares = _total((one.value - mean) ** 2 for one in given)
    return root(Quantity(bounded(squares / (len(given) - less)), _exact(given)), 2)


def _naturals(name: str, given: Sequence[Quantity]) -> list[int]:
    wholes = [one.whole for one in given]
    if any(one is None for one in wholes):
        raise CalculationError("integers", name=name)
    return [one for one in wholes if one is not None]


def _chosen(given: Sequence[Quantity], ordered: bool) -> Quantity:
    n, k = _naturals("perm" if ordered else "comb", given)
    if n < 0 or k < 0:
        raise CalculationError("natural", name="perm" if ordered else "comb")
    if min(k, n if ordered else n - k) * max(n.bit_length(), 1) > 4 * MOST_BITS:
        raise CalculationError("large", digits=MOST_DIGITS)
    return Quantity(bounded(Fraction(math.perm(n, k) if ordered else math.comb(n, k))))


def _least_multiple(numbers: Sequence[int]) -> int:
    found = 1
    for number in numbers:
        found = bounded(Fraction(math.lcm(found, number))).numerator
    return found


def _exact(given: Sequence[Quantity]) -> bool:
    return all(one.exact for one in given)


def _integer_root(number: int, degree: int) -> int:
    """The floor of the root of a natural number, by Newton's method."""
    if number < 2 or degree == 1:
        return number
    if degree == 2:
        return math.isqrt(number)
    logarithm2 = math.log2(number) / degree
    # Never below the root, from where the method would not come down to it; near it, since each step costs a power.
    guess = int(2**logarithm2 * (1 + 1e-9)) + 2 if logarithm2 < 900 else 1 << -(-number.bit_length() // degree)
    while True:
        better = ((degree - 1) * guess + number // guess ** (degree - 1)) // degree
        if better >= guess:
            return guess
        guess = better


def _one(apply: Callable[[Quantity], Quantity]) -> Function:
    return Function(lambda given: apply(given[0]), 1, 1)


def _many(apply: Callable[[Sequence[Quantity]], Quantity], least: int = 1) -> Function:
    return Function(apply, least, 200)


#: By name. Arguments are plain numbers; sums, extremes and roundings of quantities are made in ``calls.py``.
FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "sqrt": _one(lambda x: root(x, 2)),
        "cbrt": _one(lambda x: root(x, 3)),
        "root": Function(lambda given: root(given[0], _naturals("root", given[1:])[0]), 2, 2),
        "factorial": _one(factorial),
        "exp": _one(exponential),
        "ln": _one(logarithm),
        "lg": _one(lambda x: logarithm(x, Quantity(Fraction(10)))),
        "log10": _one(lambda x: logarithm(x, Quantity(Fraction(10)))),
        "log2": _one(lambda x: logarithm(x, Quantity(Fraction(2)))),
        "sin": _one(sine),
        "cos": _one(cosine),
        "tan": _one(tangent),
        "asin": _one(arcsine),
        "acos": _one(_arccosine),
        "atan": _one(arctangent),
        "abs": _one(lambda x: Quantity(abs(x.value), x.exact)),
        "floor": _one(lambda x: Quantity(Fraction(math.floor(x.value)))),
        "ceil": _one(lambda x: Quantity(Fraction(math.ceil(x.value)))),
        "round": Function(_rounded, 1, 2),
        "min": _many(lambda given: min(given, key=lambda one: one.value)),
        "max": _many(lambda given: max(given, key=lambda one: one.value)),
        "sum": _many(lambda given: Quantity(_total(one.value for one in given), _exact(given))),
        "mean": _many(_mean),
        "median": _many(_median),
        "stdev": _many(lambda given: _deviation(given, 1), 2),
        "pstdev": _many(lambda given: _deviation(given, 0)),
        "gcd": _many(lambda given: Quantity(Fraction(math.gcd(*_naturals("gcd", given)))), 2),
        "lcm": _many(lambda given: Quantity(Fraction(_least_multiple(_naturals("lcm", given)))), 2),
        "comb": Function(lambda given: _chosen(given, ordered=False), 2, 2),
        "perm": Function(lambda given: _chosen(given, ordered=True), 2, 2),
        # Base ten, as calculators have it; log(x, b) to any base.
        "log": Function(
            lambda given: logarithm(given[0], given[1] if len(given) == 2 else Quantity(Fraction(10))), 1, 2
        ),
    }
)

#: By name.
CONSTANTS: Mapping[str, Quantity] = MappingProxyType(
    {
        "pi": Quantity(PI, exact=False),
        "tau": Quantity(2 * PI, exact=False),
        "e": Quantity(E, exact=False),
        "phi": inexact((1 + root(Quantity(Fraction(5)), 2).value) / 2),
    }
)

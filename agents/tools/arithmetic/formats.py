"""Values as text: exactly, and as a decimal where that differs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction

from agents.tools.arithmetic.constants import CONTEXT
from agents.tools.arithmetic.values import Day, Quantity, Truth, Units, Value, Weekday, decimal_of

#: Significant digits of what cannot be written out: for programs, for reading, and of what has units, which nobody
#: measures more exactly. A small model that copies fifteen digits of a period does not find its end.
_DIGITS, _READ, _MEASURED = 15, 10, 7
#: A fraction or a decimal that is longer than this is shown rounded.
_LONGEST = 60
#: Whole numbers get a rounded companion from here on: nobody counts so many digits.
_READABLE = 30
_SHORT = 7
_WEEKDAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
    "zh": "星期一 星期二 星期三 星期四 星期五 星期六 星期日".split(),
}
_TRUTH = {"en": ("no", "yes"), "zh": ("不成立", "成立")}
_PLURALS = {"day", "week", "month", "year", "quarter", "decade", "workday", "acre", "cup"}


def exact_text(value: Fraction) -> str | None:
    """``value`` written out in full, as a whole number, a decimal or a fraction; None where that is too long."""
    if value.denominator == 1:
        return str(value.numerator)
    places = _places(value.denominator)
    if places is not None and places <= _LONGEST:
        with localcontext(CONTEXT) as context:
            context.prec = len(str(value.numerator)) + places + 5
            return format((Decimal(value.numerator) / Decimal(value.denominator)).normalize(), "f")
    text = f"{value.numerator}/{value.denominator}"
    return text if len(text) <= _LONGEST else None


def rounded_text(value: Fraction, digits: int = _DIGITS) -> str:
    """``value`` to ``digits`` significant digits; with an exponent where it is very large or very small."""
    number = decimal_of(value)
    if not number:
        return "0"
    with localcontext(CONTEXT) as context:
        context.prec = digits
        number = +number
        number = number.normalize()
    size = number.adjusted()
    if -7 <= size <= 20:
        return format(number, "f")
    mantissa, _, exponent = format(number, "e").partition("e")
    return f"{mantissa}e{int(exponent)}"


def read_text(quantity: Quantity) -> str:
    """The decimal of a quantity that people are shown, rounded where it has no end that is near."""
    exact = exact_text(quantity.value) if quantity.exact else None
    if exact is not None and "/" not in exact and len(exact) <= _READABLE:
        return exact
    return rounded_text(quantity.value, _MEASURED if quantity.units else _READ)


def number_text(quantity: Quantity) -> str:
    """The number of a quantity: ``36``, ``1/3 ≈ 0.3333333333``, ``≈ 1.414213562``.

    Of what was measured, a fraction is shown where it is short: 78125/25146 miles tell nobody anything.
    """
    about = f"≈ {read_text(quantity)}"
    exact = exact_text(quantity.value) if quantity.exact else None
    if exact is None or (quantity.units and "/" in exact and len(exact) > _SHORT):
        return about
    return f"{exact} {about}" if "/" in exact or len(exact) > _READABLE else exact


def unit_text(units: Units, language: str, one: bool = False) -> str:
    """The units of a quantity: ``km/h``, ``公里/小时``; ``one``: for exactly one of it."""
    above: list[str] = []
    below: list[str] = []
    for unit, power in units:
        name = unit.zh if language == "zh" else unit.name
        if language != "zh" and len(units) == 1 and power == 1 and not one and name in _PLURALS:
            name = {"century": "centuries"}.get(name, name + "s")
        (above if power > 0 else below).append(name if abs(power) == 1 else f"{name}^{abs(power)}")
    top = "·".join(above)
    if not below:
        return top
    bottom = "·".join(below) if len(below) == 1 else f"({'·'.join(below)})"
    return f"{top or '1'}/{bottom}"


def value_text(value: Value, language: str) -> str:
    """What is shown of a result."""
    if isinstance(value, Day):
        return day_text(value.date, language)
    if isinstance(value, Weekday):
        return weekday_text(value.number, language)
    if isinstance(value, Truth):
        return _TRUTH["zh" if language == "zh" else "en"][value.holds]
    if value.percent:
        return f"{number_text(Quantity(value.value * 100, value.exact))}%"
    number = number_text(value)
    if not value.units:
        return number
    unit = unit_text(value.units, language, one=value.value == 1)
    gap = "" if language == "zh" and not unit[0].isascii() else " "
    if " ≈ " in number:  # the unit belongs to both
        exact, _, about = number.partition(" ≈ ")
        return f"{exact}{gap}{unit} ≈ {about}{gap}{unit}"
    return f"{number}{gap}{unit}"


def day_text(day: date, language: str) -> str:
    """A day with its day of the week."""
    name = weekday_text(day.weekday(), language)
    return f"{day.isoformat()}（{name}）" if language == "zh" else f"{day.isoformat()} ({name})"


def weekday_text(number: int, language: str) -> str:
    """The name of a day of the week, from 0 for Monday."""
    return _WEEKDAYS["zh" if language == "zh" else "en"][number]


def _places(denominator: int) -> int | None:
    """How many decimals a fraction with this denominator has; None where they do not end."""
    twos = (denominator & -denominator).bit_length() - 1
    rest, fives = denominator >> twos, 0
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    return max(twos, fives) if rest == 1 else None

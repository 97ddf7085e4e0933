"""A precedence parser that computes as it reads (Pratt 1973): it knows the words of the grammar and nothing else.

From loose to tight: conversion, comparison, sums, products, sign, powers (to the right), what stands behind a number
(percent, factorial, units). Precedence is Python's: ``-2**2`` is -4. Nothing is read twice and no tree is built, so an
expression costs time in proportion to its length, and depth is bounded by a count of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction
from types import MappingProxyType

from agents.tools.arithmetic import operations
from agents.tools.arithmetic.calls import call, constant
from agents.tools.arithmetic.days import add_to_day, subtract_from_day
from agents.tools.arithmetic.failures import CalculationError
from agents.tools.arithmetic.functions import factorial, root
from agents.tools.arithmetic.lexer import Token
from agents.tools.arithmetic.unit_table import unit_names
from agents.tools.arithmetic.values import Day, Quantity, Truth, Units, Value, Weekday, bounded

#: Parentheses, signs and powers inside each other.
MOST_DEPTH = 50
_MOST_ARGUMENTS = 200
_COMPARISONS: Mapping[str, Callable[[int], bool]] = MappingProxyType(
    {
        "<": lambda sign: sign < 0,
        ">": lambda sign: sign > 0,
        "<=": lambda sign: sign <= 0,
        ">=": lambda sign: sign >= 0,
        "==": lambda sign: sign == 0,
        "!=": lambda sign: sign != 0,
    }
)
#: A unit that is written as a quotient, and not as mph.
_QUOTIENT = re.compile(r"[/每]|\bper\b", re.IGNORECASE)
_SPOKEN_POWERS: Mapping[str, int] = MappingProxyType({"squared": 2, "cubed": 3})
#: Of a unit: m^12.
_MOST_UNIT_POWER = 12
#: How tightly an operator between two operands binds.
_BINDING = MappingProxyType({"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "mod": 2, "%": 2, "off": 2})
#: A percent sign before these is the remainder: 17 % 5.
_OPERANDS = frozenset({"value", "func", "const"})


class Parser:
    """Reads one expression.

    Args:
        given: its tokens, ``end`` last.
        today: what ``today`` is.
    """

    def __init__(self, given: list[Token], today: Callable[[], date]) -> None:
        self._tokens = given
        self._place = 0
        self._depth = 0
        self._today = today

    def value(self) -> Value:
        """What the whole expression comes to.

        Raises:
            CalculationError: it is not complete, not in the grammar, or has no result.
        """
        if self._now.kind == "end":
            raise CalculationError("empty")
        found = self._sum(1)
        if self._now.kind == "op" and self._now.name in _COMPARISONS:
            found = self._compared(found)
        found = self._conversions(found)
        if self._now.kind != "end":
            raise CalculationError("operator", before=self._before, token=self._now.text)
        return found

    # -- tokens --------------------------------------------------------------------------------------------------

    @property
    def _now(self) -> Token:
        return self._tokens[self._place]

    @property
    def _after(self) -> Token:
        return self._ahead(1)

    def _ahead(self, count: int) -> Token:
        return self._tokens[min(self._place + count, len(self._tokens) - 1)]

    @property
    def _before(self) -> str:
        return self._tokens[self._place - 1].text if self._place else ""

    def _is(self, name: str) -> bool:
        return self._now.kind == "op" and self._now.name == name

    def _skip(self) -> Token:
        token = self._now
        self._place += 1
        return token

    def _close(self) -> None:
        if not self._is(")"):
            raise CalculationError("unclosed")
        self._skip()

    # -- between operands ----------------------------------------------------------------------------------------

    def _sum(self, least: int) -> Value:
        """Operands and the operators between them that bind at least as tightly as ``least``."""
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise CalculationError("deep", most=MOST_DEPTH)
        left = self._signed()
        while True:
            self._drop_comma()
            name = self._now.name if self._now.kind == "op" else ""
            binding = _BINDING.get(name, 0)
            if not binding or binding < least:
                break
            self._skip()
            left = _combined("mod" if name == "%" else name, left, self._sum(binding + 1))
        self._depth -= 1
        return left

    def _drop_comma(self) -> None:
        # 240元，打八折: a comma before an operator that cannot begin an operand separates nothing.
        if self._is(",") and self._after.kind == "op" and self._after.name in ("*", "/"):
            self._skip()

    def _compared(self, left: Value) -> Truth | Value:
        name = self._skip().name
        if name == "==" and self._now.kind == "end":
            return left  # "2 + 2 ="
        right = self._sum(1)
        if isinstance(left, Day) and isinstance(right, Day):
            return Truth(_COMPARISONS[name]((left.date > right.date) - (left.date < right.date)))
        return Truth(_COMPARISONS[name](operations.compare(quantity_of(left), quantity_of(right))))

    def _conversions(self, found: Value) -> Value:
        while self._is("to"):
            self._skip()
            if self._now.kind != "end":  # "… 等于多少" asks for nothing but the value
                found = self._converted(found)
        return found

    def _converted(self, found: Value) -> Quantity:
        quantity = quantity_of(found)
        if self._is("%"):
            self._skip()
            return replace(quantity_of(found), percent=True) if not quantity.units else quantity
        return operations.converted(quantity, self._units())

    def _units(self) -> Units:
        """Units alone, such as km/h, as the goal of a conversion."""
        goal = quantity_of(self._sum(2))
        if not goal.units or goal.value != 1:
            raise CalculationError("goal")
        return goal.units

    # -- one operand ---------------------------------------------------------------------------------------------

    def _signed(self) -> Value:
        negative, signs = False, 0
        while self._is("-") or self._is("+"):
            negative ^= self._skip().name == "-"
            signs += 1
            if signs > MOST_DEPTH:
                raise CalculationError("deep", most=MOST_DEPTH)
        found = self._power()
        return operations.negated(quantity_of(found)) if negative else found

    def _power(self) -> Value:
        base = self._postfix()
        if not self._is("**"):
            return base
        self._skip()
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise CalculationError("deep", most=MOST_DEPTH)
        exponent = self._exponent()
        self._depth -= 1
        found = operations.power(quantity_of(base).plain(), quantity_of(exponent).plain())
        return self._counted(found) if self._now.kind == "unit" and not found.units else found

    def _exponent(self) -> Value:
        """What stands behind the sign of a power. A unit behind a number there belongs to the power: 10^8 m/s."""
        negative = self._is("-")
        number = self._ahead(int(negative))
        if number.kind != "value" or self._ahead(1 + negative).kind != "unit":
            return self._signed()
        self._place += negative + 1
        value = quantity_of(_held(number))
        return operations.negated(value) if negative else value

    def _postfix(self) -> Value:
        found = self._primary()
        while self._now.kind == "op" and self._now.name in _POSTFIX:
            if self._is("%") and self._remainder():
                break
            found = _POSTFIX[self._skip().name](quantity_of(found))
        if self._is("分之"):
            self._skip()
            return operations.divide(quantity_of(self._primary()), quantity_of(found))
        return found

    def _remainder(self) -> bool:
        return self._after.kind in _OPERANDS or (self._after.kind == "op" and self._after.name == "(")

    def _primary(self) -> Value:
        token = self._skip()
        if token.kind == "value":
            value = _held(token)
            return self._counted(value) if isinstance(value, Quantity) else value
        if token.kind == "unit" and token.unit is not None:
            if token.unit.money and self._now.kind == "value":  # $5
                return replace(quantity_of(_held(self._skip())), units=((token.unit, 1),))
            return Quantity(Fraction(1), units=self._raised(token))
        if token.kind == "const":
            return constant(token.name, self._today)
        if token.kind == "func":
            return self._called(token)
        if token.name == "(":
            found = self._conversions(self._sum(1))
            self._close()
            if self._now.kind == "unit" and isinstance(found, Quantity) and not found.units:
                return self._counted(found)  # (3 + 4) km
            return found
        if token.name in ("百分之", "千分之"):
            share = quantity_of(self._primary())
            return _POSTFIX["%" if token.name == "百分之" else "‰"](share)
        raise _missing(token)

    def _counted(self, number: Quantity) -> Quantity:
        """A number and the units after it; further ones of the same kind are added: 1 h 30 min, 三斤二两."""
        if self._now.kind != "unit":
            return number
        total = self._with_unit(number)
        if total.affine:
            return total
        while self._now.kind == "value" and isinstance(self._now.value, Quantity) and self._after.kind == "unit":
            number = self._now.value
            self._skip()
            total = operations.add(total, self._with_unit(number))
        return total

    def _with_unit(self, number: Quantity) -> Quantity:
        token = self._skip()
        return replace(number, units=self._raised(token))

    def _raised(self, token: Token) -> Units:
        """The units of a token, to the power that is written behind it. Of m/s², only what stands last is squared."""
        if token.unit is None:
            raise _missing(token)
        unit = token.unit
        parts = [(unit_names()[name], power) for name, power in unit.parts] or [(unit, 1)]
        quotient = len(parts) > 1 and _QUOTIENT.search(token.text) is not None
        if quotient and self._now.text.lower() in _SPOKEN_POWERS:  # 9.8 metres per second squared
            written = _SPOKEN_POWERS[self._skip().text.lower()]
        else:
            written = self._written_power()
        kept = parts[:-1] if quotient else []
        return (*kept, *((part, power * written) for part, power in parts[len(kept) :]))

    def _written_power(self) -> int:
        """The power in m^2 or s^-1: of a unit that stands beside a number, it is the unit's and not the number's."""
        if not self._is("**"):
            return 1
        negative = self._after.kind == "op" and self._after.name == "-"
        exponent = self._ahead(1 + negative).value
        power = exponent.whole if isinstance(exponent, Quantity) else None
        if power is None or not 1 <= power <= _MOST_UNIT_POWER:
            return 1
        self._place += 2 + negative
        return -power if negative else power

    def _called(self, token: Token) -> Value:
        if not self._is("("):  # sqrt 16, √2, sin 30°
            self._depth += 1
            if self._depth > MOST_DEPTH:
                raise CalculationError("deep", most=MOST_DEPTH)
            given = self._power()
            self._depth -= 1
            return call(token.name, [given])
        self._skip()
        arguments: list[Value] = []
        while not self._is(")"):
            arguments.append(self._sum(1))
            if len(arguments) > _MOST_ARGUMENTS:
                raise CalculationError("arguments", name=token.name, least=1, most=_MOST_ARGUMENTS)
            if not self._is(","):
                break
            self._skip()
        self._close()
        return call(token.name, arguments)


def quantity_of(value: Value) -> Quantity:
    """``value``, which has to be a number or a quantity."""
    if isinstance(value, Quantity):
        return value
    raise CalculationError("not_number")


def _combined(name: str, left: Value, right: Value) -> Value:
    if isinstance(left, Day) and name == "-":
        return subtract_from_day(left, right)
    if isinstance(left, Day) and name == "+":
        return add_to_day(left, quantity_of(right))
    if isinstance(right, Day) and name == "+":
        return add_to_day(right, quantity_of(left))
    if isinstance(left, Day | Weekday | Truth) or isinstance(right, Day | Weekday | Truth):
        raise CalculationError("day_operation")
    if name == "off":  # 20% off 80
        return operations.multiply(right, Quantity(1 - left.value, left.exact))
    return operations.OPERATIONS[name](left, right)


def _held(token: Token) -> Value:
    """The value of a token that has one."""
    if token.value is None:
        raise _missing(token)
    return token.value


def _missing(token: Token) -> CalculationError:
    """Where an operand should stand, there is none."""
    if token.kind == "end":
        return CalculationError("unfinished")
    return CalculationError("operand", token=token.text)


def _discount(quantity: Quantity) -> Quantity:
    """打八折 leaves eight tenths, 八五折 85 hundredths."""
    if quantity.units or not 0 < quantity.value < 100:
        raise CalculationError("discount")
    return Quantity(quantity.value / (10 if quantity.value < 10 else 100))


def _share(quantity: Quantity, whole: int) -> Quantity:
    if quantity.units:
        raise CalculationError("percent_unit")
    return Quantity(bounded(quantity.value / whole), quantity.exact, percent=True)


_POSTFIX: Mapping[str, Callable[[Quantity], Quantity]] = MappingProxyType(
    {
        "%": lambda quantity: _share(quantity, 100),
        "‰": lambda quantity: _share(quantity, 1000),
        "!": factorial,
        "折": _discount,
        "squared": lambda quantity: operations.power(quantity, Quantity(Fraction(2))),
        "cubed": lambda quantity: operations.power(quantity, Quantity(Fraction(3))),
        "rooted": lambda quantity: root(quantity, 2),
        "cube_rooted": lambda quantity: root(quantity, 3),
    }
)

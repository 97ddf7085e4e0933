"""Conversions between units of measurement, in English and Chinese; between currencies with the person's own rates."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import replace
from fractions import Fraction

from langchain_core.tools import BaseTool

from agents.tools.arithmetic.calculate import calculate
from agents.tools.arithmetic.failures import CalculationError
from agents.tools.arithmetic.formats import exact_text, read_text, rounded_text, unit_text, value_text
from agents.tools.arithmetic.operations import converted
from agents.tools.arithmetic.texts import failure_text
from agents.tools.arithmetic.unit_table import unit_names
from agents.tools.arithmetic.values import Quantity, Units
from agents.tools.base import Result, ToolInputError, Traits, tool
from agents.tools.numbers_read import amounts
from agents.tools.units_rates import Rates
from agents.tools.wording import Texts, nearest, spoken_for

SUMMARIES = {
    "en": "converts units: length, mass, volume, area, temperature, speed, time, data, Chinese market units",
    "zh": "单位换算：长度、重量、体积、面积、温度、速度、时间、数据量、斤亩里尺等市制",
}
_TEXTS = Texts(
    en={
        "unit": "“{unit}” is not a known unit.{near} Write one unit, such as km, kg, °F, 斤 or km/h.",
        "near": " Did you mean {names}?",
        "amount": "The amount has to be a finite number.",
        "no_rates": "There are no exchange rates here, so {left} cannot be converted to {right}. Look up the rate with a web tool or ask the user, then multiply with the calculator.",
        "no_rate": "The user's table of exchange rates has none for {missing}; it has {known}. Look the rate up, or ask the user.",
        "rates": "By the user's own table of exchange rates of {date}{source}; not the rate of the day.",
        "dimension": "{left} and {right} measure different things ({left_kind}, {right_kind}). Convert to a unit of the same kind, such as {example}.",
    },
    zh={
        "unit": "不认识单位“{unit}”。{near}请写一个单位，例如 公里、千克、华氏度、斤、公里/小时。",
        "near": "是不是 {names}？",
        "amount": "数量必须是有限的数。",
        "no_rates": "这里没有汇率，不能把{left}换成{right}。请用联网工具查汇率或询问用户，再用计算器相乘。",
        "no_rate": "用户的汇率表里没有 {missing}，只有 {known}。请另查汇率或询问用户。",
        "rates": "按用户自己的汇率表（{date}{source}）计算，不是当天汇率。",
        "dimension": "{left}和{right}不是同一种量（{left_kind}、{right_kind}）。请换算成同一种量的单位，例如 {example}。",
    },
)
_KINDS = {
    "length": ("length", "长度"),
    "mass": ("mass", "质量"),
    "time": ("time", "时间"),
    "temperature": ("temperature", "温度"),
    "information": ("data", "数据量"),
    "length^2": ("area", "面积"),
    "length^3": ("volume", "体积"),
    "length time^-1": ("speed", "速度"),
    "angle": ("angle", "角度"),
    "workday": ("working days", "工作日"),
}
#: Longer names are none.
_LONGEST = 60


def units(language: str = "en", rates: Rates | None = None) -> BaseTool:
    """A tool that converts units.

    Args:
        language: of its answers where the names of the units are in none (``en`` or ``zh``).
        rates: exchange rates of the person's own; without them, currencies are not converted.
    """

    traits = Traits(
        timeout=5.0, trusted=True, summaries=SUMMARIES, narrow=lambda read: {"amount": {"enum": amounts(read)}}
    )

    @tool("units", traits)
    def convert(amount: float, from_unit: str, to_unit: str) -> Result:
        """Convert an amount from one unit to another.

        Args:
            amount: how many, for example 5.
            from_unit: for example km, 斤, °F, km/h.
            to_unit: for example miles, kg, °C, m/s.
        """
        spoken = spoken_for(from_unit + to_unit, language)
        if not math.isfinite(amount):
            raise ToolInputError(_TEXTS(spoken, "amount"))
        source, goal = _units(from_unit, spoken), _units(to_unit, spoken)
        # The shortest decimal that is this float is what was written: 0.1, and not the fraction beside it.
        given = Quantity(Fraction(repr(amount)), units=source)
        note = ""
        try:
            if _money(source) and _money(goal) and source != goal:
                found, note = _exchanged(given, goal, rates, spoken)
            else:
                found = converted(given, goal)
        except CalculationError as failure:
            if failure.key != "dimension":
                raise ToolInputError(failure_text(failure, spoken)) from None
            raise ToolInputError(_different(given, found_units=goal, language=spoken)) from None
        text = f"{value_text(given, spoken)} {_equal(found, spoken)}"
        exact = exact_text(found.value) if found.exact else None
        data = {
            "value": exact or rounded_text(found.value),
            "decimal": rounded_text(found.value),
            "shown": read_text(found),
            "exact": exact is not None,
            "unit": unit_text(goal, "en", one=True),
        }
        return Result(f"{text}\n{note}" if note else text, data=data)

    return convert


def _equal(found: Quantity, language: str) -> str:
    """``= 5.5 km``, or ``≈ 190.5556 °C``: of a length, nobody wants to read that it is 1715/9."""
    shown = value_text(found, language)
    exact, about, rounded = shown.partition("≈")
    return f"≈ {rounded.strip()}" if about else f"= {exact}"


def _units(name: str, language: str) -> Units:
    """The units that a name stands for; names are looked up, and products and quotients of them read."""
    if known := unit_names().get(" ".join(name.split())):  # 两 is a numeral, too
        if not known.parts:
            return ((known, 1),)
    if len(name) <= _LONGEST:
        try:
            found = calculate(name)
        except CalculationError as failure:
            if failure.key == "unit_case":
                raise ToolInputError(failure_text(failure, language)) from None
        else:
            if isinstance(found, Quantity) and found.value == 1 and found.units:
                return found.units
    asked = " ".join(unicodedata.normalize("NFKC", name)[:_LONGEST].split())
    close = nearest(asked, [known for known in unit_names() if len(known) > 1 or not known.isascii()])
    near = _TEXTS(language, "near", names=", ".join(close)) if close else ""
    raise ToolInputError(_TEXTS(language, "unit", unit=asked, near=near))


def _money(found: Units) -> bool:
    return len(found) == 1 and found[0][1] == 1 and found[0][0].money


def _exchanged(given: Quantity, goal: Units, rates: Rates | None, language: str) -> tuple[Quantity, str]:
    left, right = given.units[0][0], goal[0][0]
    if rates is None:
        names = {"left": left.zh, "right": right.zh} if language == "zh" else {"left": left.name, "right": right.name}
        raise ToolInputError(_TEXTS(language, "no_rates", **names))
    missing = [unit.name for unit in (left, right) if unit.name not in rates.values]
    if missing:
        known = ", ".join(sorted(rates.values))
        raise ToolInputError(_TEXTS(language, "no_rate", missing=", ".join(missing), known=known))
    value = given.value * rates.values[left.name] / rates.values[right.name]
    source = (f", {rates.source}" if language != "zh" else f"，{rates.source}") if rates.source else ""
    note = _TEXTS(language, "rates", date=rates.date, source=source)
    # A rate is no exact number: two decimals more than money has are shown.
    return replace(given, value=Fraction(round(value * 10**4), 10**4), units=goal), note


def _different(given: Quantity, found_units: Units, language: str) -> str:
    goal = Quantity(Fraction(1), units=found_units)
    example = next(
        (
            unit.zh if language == "zh" else unit.name
            for unit in unit_names().values()
            if Quantity(Fraction(1), units=((unit, 1),)).dimension == given.dimension and ((unit, 1),) != given.units
        ),
        unit_text(given.units, language, one=True),
    )
    return _TEXTS(
        language,
        "dimension",
        left=unit_text(given.units, language, one=True),
        right=unit_text(found_units, language, one=True),
        left_kind=_kind(given, language),
        right_kind=_kind(goal, language),
        example=example,
    )


def _kind(quantity: Quantity, language: str) -> str:
    key = " ".join(base if power == 1 else f"{base}^{power}" for base, power in quantity.dimension)
    if len(quantity.units) == 1 and quantity.units[0][0].money:
        return "货币" if language == "zh" else "money"
    return _KINDS.get(key, (key, key))[language == "zh"]

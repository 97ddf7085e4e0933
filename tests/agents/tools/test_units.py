"""Conversions of units: values from the definitions of the units, both languages, and what cannot be converted."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.tools.base import ToolInputError, traits_of
from agents.tools.units import units
from agents.tools.units_rates import Rates, read_rates
from ragbot.errors import SettingsError


def convert(amount: float, from_unit: str, to_unit: str, language: str = "en", rates: Rates | None = None) -> str:
    return str(units(language, rates).invoke({"amount": amount, "from_unit": from_unit, "to_unit": to_unit}))


@pytest.mark.parametrize(
    ("amount", "source", "goal", "result"),
    [
        (1, "inch", "cm", "1 in = 2.54 cm"),
        (1, "mile", "km", "1 mi = 1.609344 km"),
        (26.2, "miles", "km", "26.2 mi = 42.1648128 km"),
        (1, "lb", "g", "1 lb = 453.59237 g"),
        (0.1, "kg", "g", "0.1 kg = 100 g"),
        (1, "nautical mile", "m", "1 nmi = 1852 m"),
        (1, "acre", "m²", "1 acre = 4046.8564224 m²"),
        (1, "gallon", "L", "1 gal = 3.785411784 L"),
        (1, "UK gallon", "L", "1 UK gal = 4.54609 L"),
        (36, "km/h", "m/s", "36 km/h = 10 m/s"),
        (100, "mph", "km/h", "100 mi/h = 160.9344 km/h"),
        (-40, "°C", "°F", "-40 °C = -40 °F"),
        (0, "K", "celsius", "0 K = -273.15 °C"),
        (1, "GiB", "MB", "1 GiB = 1073.741824 MB"),
        (8, "Mbit", "MB", "8 Mbit = 1 MB"),
        (1, "week", "hours", "1 week = 168 h"),
        (1, "kWh", "kJ", "1 kWh = 3600 kJ"),
        (1, "atm", "kPa", "1 atm = 101.325 kPa"),
        (180, "degrees", "rad", "180 ° ≈ 3.141593 rad"),
        (1, "斤", "克", "1斤 = 500克"),
        (1, "斤", "两", "1斤 = 10两"),
        (1, "亩", "平方米", "1亩 ≈ 666.6667平方米"),
        (375, "°F", "°C", "375 °F ≈ 190.5556 °C"),
        (15, "亩", "公顷", "15亩 = 1公顷"),
        (3, "里", "公里", "3里 = 1.5公里"),
        (3, "尺", "米", "3尺 = 1米"),
        (1, "丈", "寸", "1丈 = 100寸"),
        (1, "公斤", "磅", "1公斤 ≈ 2.204623磅"),
        (90, "公里/小时", "米/秒", "90公里/小时 = 25米/秒"),
        (37, "摄氏度", "华氏度", "37摄氏度 = 98.6华氏度"),
        (1, "立方米", "升", "1立方米 = 1000升"),
    ],
)
def test_definitions(amount: float, source: str, goal: str, result: str) -> None:
    assert convert(amount, source, goal) == result


@pytest.mark.parametrize(
    ("amount", "source", "goal", "message"),
    [
        (1, "kilometrs", "m", "Did you mean kilometres"),
        (1, "公理", "米", "不认识单位"),
        (1, "km", "kg", r"measure different things \(length, mass\)"),
        (1, "公里", "斤", "不是同一种量（长度、质量）"),
        (1, "mb", "MB", "can mean several units: MB, Mbit"),
        (1, "2 km", "m", "not a known unit"),
        (1, "__import__('os')", "m", "not a known unit"),
        (1, "9**9**9", "m", "not a known unit"),
        (1, "m" * 5000, "m", "not a known unit"),
        (1, "", "m", "not a known unit"),
        (float("inf"), "m", "km", "finite"),
        (float("nan"), "米", "公里", "有限的数"),
        (1, "USD", "kg", r"\(money, mass\)"),
    ],
)
def test_what_cannot_be_converted(amount: float, source: str, goal: str, message: str) -> None:
    with pytest.raises(ToolInputError, match=message):
        convert(amount, source, goal)


def test_currencies_need_rates_of_the_person(tmp_path: Path) -> None:
    with pytest.raises(ToolInputError, match=r"no exchange rates here.*web tool"):
        convert(5, "USD", "CNY")
    with pytest.raises(ToolInputError, match="没有汇率，不能把美元换成元"):
        convert(5, "美元", "人民币")
    file = tmp_path / "rates.toml"
    file.write_text(
        'base = "CNY"\ndate = "2026-11-20"\nsource = "my bank"\n[rates]\nUSD = 7.12\nEUR = "8.21"\n', "utf-8"
    )
    rates = read_rates(file)
    assert convert(5, "$", "CNY", rates=rates).splitlines() == [
        "5 USD = 35.6 CNY",
        "By the user's own table of exchange rates of 2026-11-20, my bank; not the rate of the day.",
    ]
    assert convert(100, "欧元", "美元", rates=rates).startswith(
        "100欧元 = 115.309美元\n按用户自己的汇率表（2026-11-20，my bank）"
    )
    assert convert(1, "US dollars", "Chinese yuan", rates=rates).startswith("1 USD = 7.12 CNY")
    with pytest.raises(ToolInputError, match="none for JPY; it has CNY, EUR, USD"):
        convert(5, "JPY", "CNY", rates=rates)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense [", "cannot be read"),
        ('base = "CNY"\n[rates]\nUSD = 7\n', "date"),
        ('base = "XXX"\ndate = "2026-11-20"\n[rates]\nUSD = 7\n', "base"),
        ('base = "CNY"\ndate = "2026-11-20"\n[rates]\nUSD = -1\n', "USD = -1"),
        ('base = "CNY"\ndate = "2026-11-20"\n[rates]\nUSD = "x"\n', "no rate"),
        ('base = "CNY"\ndate = "2026-11-20"\n[rates]\nUSD = nan\n', "no rate"),
        ('base = "CNY"\ndate = "2026-11-20"\n[rates]\nDOGE = 1\n', "DOGE"),
    ],
)
def test_a_table_of_rates_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "rates.toml").write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=message):
        read_rates(tmp_path / "rates.toml")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_rates(tmp_path / "none.toml")


def test_it_needs_nothing_from_outside() -> None:
    assert traits_of(units()).trusted and not traits_of(units()).effects

"""Exchange rates from a file of the person's own; ragbot has none, and none would stay right.

A TOML file, each rate in units of ``base``::

    base = "CNY"
    date = "2026-11-20"
    source = "my bank"

    [rates]
    USD = 7.12
    EUR = "8.21"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path

from agents.tools.arithmetic.unit_table import unit_names
from ragbot.errors import SettingsError

_CURRENCIES = frozenset(unit.name for unit in unit_names().values() if unit.money)


@dataclass(frozen=True, slots=True)
class Rates:
    """What currencies are worth.

    Attributes:
        values: how many of one currency, the same for all, each is worth, by ISO 4217 code.
        date: the day of the rates, as the file has it.
        source: where they come from; empty where the file does not say.
    """

    values: Mapping[str, Fraction]
    date: str
    source: str = ""


def read_rates(path: Path) -> Rates:
    """The rates in a file.

    Raises:
        SettingsError: it cannot be read, or lacks its base, its date or a positive rate.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"the exchange rates in {path} cannot be read: {error}") from error
    rates, base, date = found.get("rates"), found.get("base"), found.get("date")
    if not isinstance(rates, dict) or not rates or base not in _CURRENCIES or not date:
        raise SettingsError(
            f'{path} is no table of exchange rates: it needs base = "CNY" (or another of '
            f'{", ".join(sorted(_CURRENCIES))}), date = "2026-11-20", and [rates] with lines such as USD = 7.12'
        )
    values = {str(base): Fraction(1)}
    for code, rate in rates.items():
        try:
            value = Fraction(Decimal(str(rate)))
        except (InvalidOperation, ValueError, OverflowError):
            value = Fraction(0)
        if code not in _CURRENCIES or value <= 0:
            raise SettingsError(
                f"{path}: {code} = {rate!r} is no rate; write a number above 0 for one of {', '.join(sorted(_CURRENCIES))}"
            )
        values[code] = value
    return Rates(values, str(date), str(found.get("source", "")))

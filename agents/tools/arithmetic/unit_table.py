"""The units that are known, read from ``units.txt`` beside this file.

A table of our own and not pint: its factors are exact fractions throughout, it knows the Chinese names and the market
units, a name is looked up and never parsed as an expression, and it is read in a millisecond.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import MappingProxyType

from agents.tools.arithmetic.constants import PI

Dimension = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measurement.

    Attributes:
        name: its symbol, or its English name where it has none.
        zh: its Chinese name.
        factor: ``(x + offset) * factor`` base units are ``x`` of it.
        dimension: powers of the base dimensions, sorted by name.
        offset: where its zero stands, for temperatures.
        exact: False where the factor is not rational (degrees of an angle).
        parts: the units and powers that it is a short name for (km/h).
    """

    name: str
    zh: str
    factor: Fraction
    dimension: Dimension
    offset: Fraction = Fraction(0)
    exact: bool = True
    parts: tuple[tuple[str, int], ...] = ()

    @property
    def money(self) -> bool:
        """Whether it is a currency, which no fixed factor turns into another."""
        return len(self.dimension) == 1 and self.dimension[0][0].isupper()


@cache
def unit_names() -> Mapping[str, Unit]:
    """Every unit by every name that it has, as they are written (``MB`` is not ``Mb``)."""
    names: dict[str, Unit] = {}
    for line in Path(__file__).with_name("units.txt").read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("# "):
            continue
        symbol, chinese, factor, dimension, others = (part.strip() for part in line.split("|"))
        unit = _unit(symbol.replace("_", " "), chinese, factor, dimension)
        for name in (unit.name, unit.zh, *(other.replace("_", " ") for other in others.split())):
            if names.setdefault(name, unit) is not unit:
                raise ValueError(f"units.txt gives the name {name!r} to {names[name].name} and to {unit.name}")
    return MappingProxyType(names)


@cache
def folded_names() -> Mapping[str, tuple[Unit, ...]]:
    """The units by their names in small letters; several where case tells them apart."""
    folded: dict[str, tuple[Unit, ...]] = {}
    for name, unit in unit_names().items():
        known = folded.get(name.lower(), ())
        folded[name.lower()] = known if unit in known else (*known, unit)
    return MappingProxyType(folded)


def _unit(symbol: str, chinese: str, factor: str, dimension: str) -> Unit:
    size, _, zero = factor.partition("@")
    circular = size.strip().startswith("pi/")
    powers = []
    for part in dimension.lstrip("= ").split():
        base, _, power = part.partition("^")
        powers.append((base, int(power or 1)))
    parts = tuple(powers) if dimension.startswith("=") else ()
    return Unit(
        name=symbol,
        zh=chinese,
        factor=PI / int(size.strip()[3:]) if circular else Fraction(size.strip()),
        dimension=() if parts else tuple(sorted(powers)),
        offset=Fraction(zero.strip() or 0),
        exact=not circular,
        parts=parts,
    )

"""From the name of a place to its coordinates (https://open-meteo.com/en/docs/geocoding-api)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.tools.net.cleaning import one_line
from agents.tools.net.client import JsonService, ServiceError
from agents.tools.wording import nearest

_ASKED = 20
_NAME = 80
_COMMA = re.compile(r"\s*[,，、;；/]\s*")
#: 浙江省杭州市: what stands before the first unit is where the rest lies.
_INSIDE = re.compile(
    r"(?P<where>[\u3400-\u9fff]{2,}?(?:特别行政区|自治区|自治州|省|州|市))(?P<name>[\u3400-\u9fff]{2,})"
)
_UNIT = re.compile(r"(?<=[\u3400-\u9fff]{2})(?:特别行政区|自治县|地区|[市县区镇乡省州])$")
#: What people write, and what the list of places has.
_COUNTRIES = {"usa": "us", "u.s.": "us", "u.s.a.": "us", "america": "us", "uk": "gb", "u.k.": "gb", "england": "gb"}


@dataclass(frozen=True, slots=True)
class Place:
    """A place: its name in the language that was asked for, the regions it lies in, and degrees north and east."""

    name: str
    region: str
    country: str
    latitude: float
    longitude: float
    population: int = 0

    @property
    def shown(self) -> str:
        """Name, region and country, each once."""
        return ", ".join(dict.fromkeys(part for part in (self.name, self.region, self.country) if part))


@dataclass(frozen=True, slots=True)
class Found:
    """What a name stands for: the place taken, others of that name elsewhere, and names like it where there is none."""

    place: Place | None
    others: tuple[Place, ...] = ()
    near: tuple[str, ...] = ()


class Places:
    """The list of places.

    Args:
        service: asked for them.
    """

    def __init__(self, service: JsonService) -> None:
        self._service = service

    def find(self, name: str, language: str) -> Found:
        """The place that ``name`` means: ``Paris``, ``Paris, Texas``, ``杭州``, ``浙江省杭州市``.

        Raises:
            ServiceError: the list cannot be asked.
        """
        first, *where = (part for part in _COMMA.split(name.strip()) if part)
        for asked, around in _readings(first, where):
            places = [place for place in self._asked(asked, language) if _lies_in(place[1], around)]
            if places:
                taken = places[0][0]
                others = {place.shown: place for place, _ in places if _elsewhere(place, taken)}
                return Found(taken, tuple(others.values())[:3])
        return Found(None, near=self._near(first, language))

    def _near(self, name: str, language: str) -> tuple[str, ...]:
        """Names in the list that begin alike; of one, the regions in which it lies where only these did not fit."""
        seen: list[str] = []
        for length in dict.fromkeys((len(name), max(2, len(name) * 2 // 3), max(2, len(name) // 2))):
            seen += [place.shown for place, _ in self._asked(name[:length], language)]
            if seen:
                break
        return tuple(nearest(name, seen) or dict.fromkeys(seen[:3]))

    def _asked(self, name: str, language: str) -> list[tuple[Place, frozenset[str]]]:
        found = self._service.get(
            "/v1/search", {"name": name[:_NAME], "count": _ASKED, "language": language, "format": "json"}
        )
        if not isinstance(found, dict):
            raise ServiceError("garbled")
        rows = found.get("results", [])  # it is left out where there are none
        if not isinstance(rows, list):
            raise ServiceError("garbled")
        return [_place(row) for row in rows]


def _readings(name: str, where: Sequence[str]) -> list[tuple[str, Sequence[str]]]:
    """What ``name`` may be asked as, with the regions that it must lie in."""
    readings: list[tuple[str, Sequence[str]]] = [(name, where)]
    inside = _INSIDE.fullmatch(name)
    if inside:
        around = [*where, _UNIT.sub("", inside["where"])]
        readings += [(inside["name"], around), (_UNIT.sub("", inside["name"]), around)]
    short = _UNIT.sub("", name)
    readings.append((short, where))
    return list({(asked, tuple(around)): (asked, around) for asked, around in readings}.values())


def _lies_in(regions: frozenset[str], where: Sequence[str]) -> bool:
    wanted = [_COUNTRIES.get(part.casefold(), part.casefold()) for part in where]
    return all(
        any(
            part == region or (len(part) > 2 and part in region) or (not part.isascii() and part in region)
            for region in regions
        )
        for part in wanted
    )


def _elsewhere(place: Place, taken: Place) -> bool:
    """Whether it is another place of the same name, and not its airport or one of its quarters."""
    return (place.region, place.country) != (taken.region, taken.country) and place.name == taken.name


def _place(row: Any) -> tuple[Place, frozenset[str]]:
    try:
        latitude, longitude = float(row["latitude"]), float(row["longitude"])
        name = one_line(row["name"], _NAME)
        population = int(row.get("population") or 0)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ServiceError("garbled") from error
    if not name or not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ServiceError("garbled")
    region, country = one_line(row.get("admin1"), _NAME), one_line(row.get("country"), _NAME)
    regions = {row.get(key) for key in ("country", "country_code", "admin1", "admin2", "admin3", "admin4")}
    return (
        Place(name, region, country, latitude, longitude, population),
        frozenset(part.casefold() for part in regions if isinstance(part, str) and part),
    )

"""Places to time zones: cities and countries in English and Chinese, IANA names, and offsets such as UTC+8."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo
from functools import cache
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo, available_timezones

from agents.tools.wording import nearest

_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])\s*(\d{1,2})(?::?(\d{2}))?")
_EAST = re.compile(r"(东|西)\s*([一二三四五六七八九十]{1,2}|\d{1,2})区")
_HOURS = {numeral: hour for hour, numeral in enumerate("一 二 三 四 五 六 七 八 九 十 十一 十二".split(), 1)}
_SUFFIX = re.compile(r"(?:市|时间|时区|当地|\s+time|\s+city)$")


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone under the name that it was asked for."""

    name: str
    tz: tzinfo


class UnknownPlaceError(Exception):
    """There is no such place, or it has several zones.

    Attributes:
        place: what was asked for.
        near: names that are much like it.
        choices: the cities to choose from, in English and in Chinese, where the place has several zones.
    """

    def __init__(self, place: str, near: list[str], choices: Mapping[str, str] | None = None) -> None:
        super().__init__(place)
        self.place = place
        self.near = near
        self.choices = choices


def zone_of(place: str) -> Zone:
    """The zone of a place.

    Raises:
        UnknownPlaceError: none is known under this name, or several are.
    """
    asked = " ".join(unicodedata.normalize("NFKC", place)[:100].split())
    folded = asked.casefold()
    if offset := _offset(folded):
        return Zone(asked, offset)
    known = _places()
    for name in (folded, _SUFFIX.sub("", folded), folded.replace(" ", "_"), folded.partition(",")[0].strip()):
        if name in known.several:
            raise UnknownPlaceError(asked, [], known.several[name])
        if name in known.zones:
            return Zone(asked, ZoneInfo(known.zones[name]))
    raise UnknownPlaceError(asked, nearest(asked, known.names))


def _offset(folded: str) -> timezone | None:
    if match := _OFFSET.fullmatch(folded):
        hours, minutes = int(match[2]), int(match[3] or 0)
        sign = 1 if match[1] == "+" else -1
    elif match := _EAST.fullmatch(folded):
        hours, minutes = _HOURS.get(match[2]) or (int(match[2]) if match[2].isdigit() else 99), 0
        sign = 1 if match[1] == "东" else -1
    else:
        return None
    return timezone(sign * timedelta(hours=hours, minutes=minutes)) if hours <= 14 and minutes < 60 else None


@dataclass(frozen=True, slots=True)
class _Places:
    zones: Mapping[str, str]
    several: Mapping[str, Mapping[str, str]]
    names: tuple[str, ...]


@cache
def _places() -> _Places:
    zones: dict[str, str] = {}
    several: dict[str, Mapping[str, str]] = {}
    names: list[str] = []
    for line in Path(__file__).with_name("clock_places.txt").read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        zone, _, rest = (part.strip() for part in line.partition("|"))
        listed, *choices = (part.strip() for part in rest.split("="))
        for name in (name.strip() for name in listed.split(",")):
            if name.casefold() in zones or name.casefold() in several:
                raise ValueError(f"clock_places.txt names {name} twice")
            if zone == "?":
                several[name.casefold()] = MappingProxyType({"en": choices[0], "zh": choices[1]})
            else:
                zones[name.casefold()] = zone
            names.append(name)
    # IANA's own names come after ours, and the last part of each ("Samoa") after those.
    for zone in sorted(available_timezones()):
        zones.setdefault(zone.casefold(), zone)
    for zone in sorted(available_timezones()):
        if zone.count("/") and not zone.startswith(("Etc/", "posix/", "right/", "SystemV/", "US/", "Canada/")):
            city = zone.rpartition("/")[2]
            if city.casefold() not in several:
                zones.setdefault(city.casefold(), zone)
            names.append(city.replace("_", " "))
    return _Places(MappingProxyType(zones), MappingProxyType(several), tuple(names))

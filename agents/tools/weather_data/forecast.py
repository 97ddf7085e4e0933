"""The weather at coordinates: now, by the hour and by the day (https://open-meteo.com/en/docs)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from agents.tools.net.client import JsonService, ServiceError
from agents.tools.weather_data.places import Place

_CURRENT = (
    "temperature_2m,apparent_temperature,relative_humidity_2m,precipitation,weather_code,wind_speed_10m,"
    "wind_direction_10m"
)
_HOURLY = "temperature_2m,precipitation_probability,weather_code"
_DAILY = "weather_code,temperature_2m_max,temperature_2m_min,precipitation_sum,precipitation_probability_max,wind_speed_10m_max"
_IMPERIAL = {"temperature_unit": "fahrenheit", "wind_speed_unit": "mph", "precipitation_unit": "inch"}


@dataclass(frozen=True, slots=True)
class Now:
    """The weather now; None where it is not known. Units are those of the :class:`Weather`."""

    time: datetime
    code: float | None
    temperature: float | None
    feels_like: float | None
    humidity: float | None
    precipitation: float | None
    wind: float | None
    wind_from: float | None


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour to come; ``chance`` of rain or snow in percent."""

    time: datetime
    code: float | None
    temperature: float | None
    chance: float | None


@dataclass(frozen=True, slots=True)
class Day:
    """A day; ``chance`` in percent is the highest of its hours."""

    date: date
    code: float | None
    high: float | None
    low: float | None
    precipitation: float | None
    chance: float | None
    wind: float | None


@dataclass(frozen=True, slots=True)
class Weather:
    """The weather of a place in its own time; ``imperial``: °F, mph and inches instead of °C, km/h and mm."""

    imperial: bool
    timezone: str
    now: Now
    hours: tuple[Hour, ...]
    days: tuple[Day, ...]


class Forecasts:
    """The forecasts.

    Args:
        service: asked for them.
    """

    def __init__(self, service: JsonService) -> None:
        self._service = service

    def at(self, place: Place, days: int, imperial: bool) -> Weather:
        """The weather at ``place``: now, the next 24 hours, and ``days`` days from today.

        Raises:
            ServiceError: it cannot be had.
        """
        asked: dict[str, str | int | float] = {
            "latitude": place.latitude,
            "longitude": place.longitude,
            "timezone": "auto",
            "current": _CURRENT,
            "hourly": _HOURLY,
            "forecast_hours": 24,
            "daily": _DAILY,
            "forecast_days": days,
            **(_IMPERIAL if imperial else {}),
        }
        found = self._service.get("/v1/forecast", asked)
        try:
            return _weather(found, imperial)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ServiceError("garbled") from error


def _weather(found: Any, imperial: bool) -> Weather:
    current, hourly, daily = found["current"], found["hourly"], found["daily"]
    now = Now(
        datetime.fromisoformat(current["time"]),
        *(
            _number(current.get(name))
            for name in (
                "weather_code",
                "temperature_2m",
                "apparent_temperature",
                "relative_humidity_2m",
                "precipitation",
                "wind_speed_10m",
                "wind_direction_10m",
            )
        ),
    )
    hours = tuple(
        Hour(datetime.fromisoformat(row[0]), *map(_number, row[1:]))
        for row in _rows(hourly, "time", "weather_code", "temperature_2m", "precipitation_probability")
    )
    days = tuple(
        Day(date.fromisoformat(row[0]), *map(_number, row[1:]))
        for row in _rows(
            daily,
            "time",
            "weather_code",
            "temperature_2m_max",
            "temperature_2m_min",
            "precipitation_sum",
            "precipitation_probability_max",
            "wind_speed_10m_max",
        )
    )
    if not days:
        raise ValueError("no day")
    return Weather(imperial, str(found.get("timezone", ""))[:60], now, hours, days)


def _rows(table: Mapping[str, Any], first: str, *names: str) -> list[tuple[Any, ...]]:
    """The rows of a table that came by columns; a column that is missing is one of None."""
    times = table[first]
    columns = [table.get(name) or [None] * len(times) for name in names]
    return list(zip(times, *columns, strict=True))


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None

"""The tool ``weather``: now and the days to come, anywhere."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from langchain_core.tools import BaseTool

from agents.tools.base import Effect, Result, ToolInputError, Traits, tool
from agents.tools.net.client import JsonService, ServiceError
from agents.tools.net.texts import outage
from agents.tools.weather_data.forecast import Forecasts, Weather
from agents.tools.weather_data.places import Found, Place, Places
from agents.tools.weather_data.report import report
from agents.tools.wording import Texts, language_of, spoken_for

#: What Open-Meteo forecasts.
MAX_DAYS = 16
_LONGEST = 100
SERVICE = "Open-Meteo"

TRAITS = Traits(
    effects=frozenset({Effect.NETWORK}),
    timeout=45.0,
    summaries={
        "en": "The weather of a place: now, today by the hour, and the days to come.",
        "zh": "某地的天气：现在、今天逐时、未来几天。",
    },
)
_TEXTS = Texts(
    en={
        "empty": "place is empty: name a town or city.",
        "long": "place is too long: name only a town or city, and if needed its region or country.",
        "days": "days must be between 1 and {limit}.",
        "unknown": "There is no place named {place}. Check the spelling; write the town first, then the country.",
        "near": "There is no place named {place}. Did you mean: {near}?",
        "instead": "Say that the weather cannot be had now.",
        "or": "; ",
    },
    zh={
        "empty": "place 为空：请写出城市或地名。",
        "long": "place 太长：只写城市或地名，必要时加上地区或国家。",
        "days": "days 必须在 1 到 {limit} 之间。",
        "unknown": "没有名为“{place}”的地方。请检查写法；先写城市，再写国家。",
        "near": "没有名为“{place}”的地方。是不是：{near}？",
        "instead": "请说明现在无法获得天气信息。",
        "or": "；",
    },
)


def weather(
    places_url: str = "https://geocoding-api.open-meteo.com",
    weather_url: str = "https://api.open-meteo.com",
    timeout: float = 10.0,
    proxy: str = "",
    language: str = "en",
) -> BaseTool:
    """The tool that asks Open-Meteo.

    Args:
        places_url: address of its list of places.
        weather_url: address of its forecasts.
        timeout: seconds for each request.
        proxy: address of a proxy, or empty.
        language: ``en`` or ``zh``; of what the model is told where the place is not written in Chinese.
    """
    places = Places(JsonService(places_url, timeout, proxy=proxy))
    forecasts = Forecasts(JsonService(weather_url, timeout, proxy=proxy))

    @tool("weather", TRAITS)
    def call(place: str, days: int = 1, units: Literal["metric", "imperial"] = "metric") -> Result:
        """The weather of a place: now and the days to come.

        Args:
            place: town or city, if needed with its country: Paris, France.
            days: how many days, today included, 1 to 16.
            units: metric (°C, km/h, mm) or imperial (°F, mph, inches).
        """
        name = " ".join(place.split()).strip(" ,，")
        told = spoken_for(name, language)
        if not name:
            raise ToolInputError(_TEXTS(told, "empty"))
        if len(name) > _LONGEST:
            raise ToolInputError(_TEXTS(told, "long"))
        if not 1 <= days <= MAX_DAYS:
            raise ToolInputError(_TEXTS(told, "days", limit=MAX_DAYS))
        try:
            found = places.find(name, language_of(name, told))
            if found.place is None:
                raise _unknown(name, found.near, told)
            result = forecasts.at(found.place, days, units == "imperial")
        except ServiceError as error:
            raise outage(told, SERVICE, error, _TEXTS(told, "instead")) from error
        return Result(report(found, found.place, result, told), data=_data(found, found.place, result))

    return call


def _unknown(place: str, near: tuple[str, ...], language: str) -> ToolInputError:
    if not near:
        return ToolInputError(_TEXTS(language, "unknown", place=place))
    return ToolInputError(_TEXTS(language, "near", place=place, near=_TEXTS(language, "or").join(near)))


def _data(found: Found, place: Place, result: Weather) -> dict[str, Any]:
    now, days = asdict(result.now), [asdict(day) for day in result.days]
    now["time"] = result.now.time.isoformat()
    for row, day in zip(days, result.days, strict=True):
        row["date"] = day.date.isoformat()
    return {
        "place": asdict(place),
        "others": [other.shown for other in found.others],
        "units": "imperial" if result.imperial else "metric",
        "timezone": result.timezone,
        "now": now,
        "days": days,
    }

"""The services of the world: places and weather as Open-Meteo gives them, web search as SearXNG does, and pages.

Shapes by their documentation: https://open-meteo.com/en/docs, https://open-meteo.com/en/docs/geocoding-api,
https://docs.searxng.org/dev/search_api.html. What the weather is follows from place, day and ``seed`` alone.
"""

from __future__ import annotations

import csv
import html
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from eval.agents.server import LocalServer, Request, send, send_json
from ragbot.index.analysis import terms

#: Files of the places and pages that the tasks speak of.
FOLDER = Path(__file__).parents[2] / "data" / "eval" / "agent_world"
#: When it is, everywhere in the world of the tasks: UTC+8.
NOW = "2026-11-20T10:30:00+08:00"
#: Weather codes of the WMO that a November has, and how often.
_CODES = (0, 1, 2, 2, 3, 3, 45, 51, 61, 61, 63, 80)
_COLD_CODES = (0, 1, 2, 3, 71, 73)
#: Results of a web search.
_RESULTS = 3


@dataclass(frozen=True, slots=True)
class Spot:
    """A place: its names, degrees north and east, country and region in both languages, and the part it belongs to."""

    name: str
    zh: str
    latitude: float
    longitude: float
    code: str
    country: str
    country_zh: str
    region: str
    region_zh: str
    part: str


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page of the web: its address (``http://host/path``), title, text, language and part."""

    url: str
    title: str
    text: str
    language: str
    part: str = "train"


@dataclass(frozen=True, slots=True)
class Daily:
    """The weather of a day: lowest and highest temperature (°C), WMO code, wind (km/h), rain (mm), its chance (%)."""

    low: float
    high: float
    code: int
    wind: float
    rain: float
    chance: int


def read_places(path: Path = FOLDER / "places.csv") -> tuple[Spot, ...]:
    """The places of a file, a row each."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(
        Spot(**{**row, "latitude": float(row["latitude"]), "longitude": float(row["longitude"])})  # type: ignore[arg-type]
        for row in rows
    )


def read_pages(path: Path = FOLDER / "pages.jsonl") -> tuple[WebPage, ...]:
    """The pages of a file."""
    return tuple(WebPage(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def weather_of(latitude: float, longitude: float, day: date, seed: int) -> Daily:
    """What the weather is at a place on a day; another seed, another weather."""
    draw = random.Random(f"{latitude:.2f} {longitude:.2f} {day.isoformat()} {seed}")
    # A season as a cosine over the year: warmest in July in the north, in January in the south.
    season = (1 if latitude >= 0 else -1) * _SEASON[day.month - 1] * min(abs(latitude) / 40, 1.3)
    middle = 29 - abs(latitude) * 0.4 + season * 12 + draw.uniform(-4, 4)
    spread = draw.uniform(3, 6)
    code = draw.choice(_COLD_CODES if middle < 0 else _CODES)
    wet = code >= 51
    return Daily(
        low=round(middle - spread, 1),
        high=round(middle + spread, 1),
        code=code,
        wind=float(draw.randint(4, 38)),
        rain=round(draw.uniform(0.4, 14), 1) if wet else 0.0,
        chance=draw.randint(55, 95) if wet else draw.randint(0, 30),
    )


_SEASON = (-1.0, -0.9, -0.5, 0.0, 0.5, 0.85, 1.0, 0.9, 0.55, 0.0, -0.5, -0.9)


class Services(LocalServer):
    """All services behind one address.

    Args:
        places: what the list of places knows.
        pages: what the web search finds, and what can be fetched.
        seed: of the weather.
        now: the time everywhere.

    ``failing`` maps ``places``, ``forecast``, ``search`` and ``pages`` to the fault that each of them has now.
    """

    def __init__(
        self, places: Sequence[Spot] = (), pages: Sequence[WebPage] = (), seed: int = 0, now: str = NOW
    ) -> None:
        self.places, self.pages, self.seed = list(places), list(pages), seed
        self.now = datetime.fromisoformat(now)
        self.failing: Mapping[str, str] = {}
        super().__init__()

    def fault_of(self, request: Request) -> str:
        """The fault of the service that the path belongs to."""
        return self.failing.get(_service(request.path), "")

    def respond(self, handler: Any, request: Request, fault: str) -> bool:
        """See :meth:`LocalServer.respond`."""
        match _service(request.path):
            case "places":
                self._geocoding(handler, request, fault == "empty")
            case "forecast":
                self._forecast(handler, request)
            case "search":
                self._search(handler, request, fault == "empty")
            case "pages":
                return self._page(handler, request)
            case _:
                return False
        return True

    def _geocoding(self, handler: Any, asked: Request, empty: bool) -> None:
        name, chinese = asked.query["name"].casefold(), asked.query.get("language") == "zh"
        rows = []
        for number, place in enumerate(self.places):
            if empty or len(name) < 2 or not (place.name.casefold().startswith(name) or place.zh.startswith(name)):
                continue
            names = (place.zh, place.country_zh, place.region_zh) if chinese else None
            shown, country, region = names or (place.name, place.country, place.region)
            rows.append(
                {
                    "id": number, "name": shown, "latitude": place.latitude, "longitude": place.longitude,
                    "elevation": 42.0, "feature_code": "PPL", "country_code": place.code, "country": country,
                    "admin1": region, "population": 1_000_000 - number,
                }
            )  # fmt: skip
        send_json(handler, {"results": rows, "generationtime_ms": 0.5} if rows else {"generationtime_ms": 0.5})

    def _forecast(self, handler: Any, asked: Request) -> None:
        north, east = float(asked.query["latitude"]), float(asked.query["longitude"])
        warmth = _fahrenheit if asked.query.get("temperature_unit") == "fahrenheit" else _celsius
        speed = 0.621371 if asked.query.get("wind_speed_unit") == "mph" else 1.0
        first, count = self.now.date(), int(asked.query["forecast_days"])
        days = [weather_of(north, east, first + timedelta(days=ahead), self.seed) for ahead in range(count)]
        today = days[0]
        now = round((today.low + 2 * today.high) / 3, 1)
        hours = [self.now.replace(minute=0, tzinfo=None) + timedelta(hours=hour) for hour in range(24)]
        send_json(
            handler,
            {
                "latitude": north, "longitude": east, "timezone": "Asia/Shanghai", "utc_offset_seconds": 28800,
                "current": {
                    "time": f"{self.now:%Y-%m-%dT%H:%M}", "interval": 900, "temperature_2m": warmth(now),
                    "apparent_temperature": warmth(round(now - 1.5, 1)), "relative_humidity_2m": 40 + today.chance // 2,
                    "precipitation": 0.0, "weather_code": today.code, "wind_speed_10m": round(today.wind * speed / 2, 1),
                    "wind_direction_10m": 225,
                },
                "hourly": {
                    "time": [f"{hour:%Y-%m-%dT%H:%M}" for hour in hours],
                    "temperature_2m": [warmth(today.low if hour.hour < 7 else now) for hour in hours],
                    "precipitation_probability": [today.chance] * 24, "weather_code": [today.code] * 24,
                },
                "daily": {
                    "time": [(first + timedelta(days=ahead)).isoformat() for ahead in range(count)],
                    "weather_code": [day.code for day in days],
                    "temperature_2m_max": [warmth(day.high) for day in days],
                    "temperature_2m_min": [warmth(day.low) for day in days],
                    "precipitation_sum": [day.rain for day in days],
                    "precipitation_probability_max": [day.chance for day in days],
                    "wind_speed_10m_max": [round(day.wind * speed, 1) for day in days],
                },
            },
        )  # fmt: skip

    def _search(self, handler: Any, asked: Request, empty: bool) -> None:
        wanted = set(terms(asked.query["q"]))
        scored = [(len(wanted & set(terms(f"{page.title} {page.text}"))), page) for page in self.pages]
        best = sorted((pair for pair in scored if pair[0]), key=lambda pair: -pair[0])[:_RESULTS]
        rows = [
            {"url": page.url, "title": page.title, "content": page.text[:160], "engine": "local", "score": float(score)}
            for score, page in best
        ]
        send_json(handler, {"query": asked.query["q"], "results": [] if empty else rows, "unresponsive_engines": []})

    def _page(self, handler: Any, asked: Request) -> bool:
        address = f"http://{asked.path.removeprefix('/pages/')}"
        for page in self.pages:
            if page.url == address:
                text = "".join(f"<p>{html.escape(line)}</p>" for line in page.text.splitlines())
                body = f"<html lang={page.language}><title>{html.escape(page.title)}</title><body>{text}</body></html>"
                send(handler, 200, body.encode(), "text/html; charset=utf-8")
                return True
        return False


def _service(path: str) -> str:
    if path.startswith("/pages/"):
        return "pages"
    return {"/v1/search": "places", "/v1/forecast": "forecast", "/search": "search"}.get(path, "")


def _celsius(value: float) -> float:
    return value


def _fahrenheit(value: float) -> float:
    return round(value * 1.8 + 32, 1)

"""``[web]``: whom the agent's tools for the web talk to."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from ragbot.sections.base import Section

SearchName = Literal["ddgs", "searxng", "tavily", "brave"]


class WebSettings(Section):
    """The agent's web search, pages and weather."""

    search: SearchName = Field(
        "ddgs", description="search engine of the agent: ddgs (needs no key), searxng, tavily, brave"
    )
    results: Annotated[int, Field(gt=0, le=20)] = Field(5, description="results of a web search")
    searxng_url: str = Field("", description="address of a SearXNG server that answers in JSON: http://127.0.0.1:8888")
    tavily_key: SecretStr = Field(SecretStr(""), description="key for Tavily")
    brave_key: SecretStr = Field(SecretStr(""), description="key for the Brave Search API")
    weather_url: str = Field("https://api.open-meteo.com", description="address of Open-Meteo's forecasts")
    places_url: str = Field(
        "https://geocoding-api.open-meteo.com", description="address of Open-Meteo's list of places"
    )
    timeout: float = Field(
        10.0, gt=0, le=120, description="seconds that a search, or a question for the weather, may take"
    )
    proxy: str = Field("", description="proxy for searches and the weather; pages are always fetched without one")
    private_hosts: list[str] = Field(
        [], description='hosts in private networks whose pages the agent may read: ["wiki.intranet", "127.0.0.1:8000"]'
    )

    @field_validator("searxng_url", "weather_url", "places_url", "proxy")
    @classmethod
    def _check_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError("it is no address: write http://HOST:PORT or https://HOST")
        return url.rstrip("/")

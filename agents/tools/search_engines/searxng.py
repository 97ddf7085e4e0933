"""SearXNG, a metasearch engine that anybody can run (https://docs.searxng.org/dev/search_api.html)."""

from __future__ import annotations

from typing import Any

from agents.tools.net.client import JsonService, ServiceError
from agents.tools.search_engines.base import Hit, distinct, hit

_LANGUAGES = {"zh": "zh-CN", "en": "en"}


class SearxngEngine:
    """A SearXNG server whose settings allow the format JSON.

    Args:
        url: address of the server; empty: it is not set up, which a search says.
        timeout: seconds.
        proxy: address of a proxy, or empty.
    """

    name = "SearXNG"
    tells = True

    def __init__(self, url: str, timeout: float = 10.0, proxy: str = "") -> None:
        self._service = JsonService(url, timeout, proxy=proxy) if url else None

    def search(self, query: str, language: str, count: int) -> list[Hit]:
        """See :meth:`agents.tools.search_engines.base.SearchEngine.search`."""
        if self._service is None:
            raise ServiceError("setup", "RAGBOT_WEB__SEARXNG_URL=http://127.0.0.1:8888")
        asked: dict[str, str | int | float] = {"q": query, "format": "json", "safesearch": 1}
        asked["language"] = _LANGUAGES.get(language, "all")
        try:
            found = self._service.get("/search", asked)
        except ServiceError as error:
            if error.problem == "denied":  # what a server says that has not been told to answer in JSON
                raise ServiceError("setup", "add json to search.formats in SearXNG's settings.yml") from error
            raise
        if not isinstance(found, dict) or not isinstance(results := found.get("results"), list):
            raise ServiceError("garbled")
        if not results and found.get("unresponsive_engines"):
            raise ServiceError("server", "503")
        return distinct(map(_hit, results), count)


def _hit(row: Any) -> Hit | None:
    if not isinstance(row, dict):
        return None
    return hit(row.get("title"), row.get("url"), row.get("content"), str(row.get("publishedDate") or "")[:10])

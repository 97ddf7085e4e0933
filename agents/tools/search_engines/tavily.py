"""Tavily, a search engine for programs (https://docs.tavily.com/documentation/api-reference/endpoint/search)."""

from __future__ import annotations

from typing import Any

from agents.tools.net.client import JsonService, ServiceError
from agents.tools.search_engines.base import Hit, distinct, hit


class TavilyEngine:
    """Tavily; it finds the language of a query by itself.

    Args:
        key: the API key; empty: it is not set up, which a search says.
        timeout: seconds.
        proxy: address of a proxy, or empty.
        url: address of the service.
    """

    name = "Tavily"
    tells = True

    def __init__(self, key: str, timeout: float = 10.0, proxy: str = "", url: str = "https://api.tavily.com") -> None:
        self._service = JsonService(url, timeout, {"authorization": f"Bearer {key}"}, proxy) if key else None

    def search(self, query: str, language: str, count: int) -> list[Hit]:
        """See :meth:`agents.tools.search_engines.base.SearchEngine.search`."""
        if self._service is None:
            raise ServiceError("key", "RAGBOT_WEB__TAVILY_KEY")
        body = {"query": query, "max_results": count, "search_depth": "basic", "include_answer": False}
        try:
            found = self._service.post("/search", body)
        except ServiceError as error:
            if error.detail in {"432", "433"}:  # the plan's limit, or the budget of the key, is used up
                raise ServiceError("limit") from error
            raise
        if not isinstance(found, dict) or not isinstance(results := found.get("results"), list):
            raise ServiceError("garbled")
        return distinct(map(_hit, results), count)


def _hit(row: Any) -> Hit | None:
    if not isinstance(row, dict):
        return None
    return hit(row.get("title"), row.get("url"), row.get("content"), row.get("published_date"))

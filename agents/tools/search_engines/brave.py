"""The Brave Search API (https://api-dashboard.search.brave.com/app/documentation/web-search/query)."""

from __future__ import annotations

from typing import Any

from agents.tools.net.client import JsonService, ServiceError
from agents.tools.search_engines.base import Hit, distinct, hit

_LANGUAGES = {"zh": "zh-hans", "en": "en"}


class BraveEngine:
    """Brave's own index.

    Args:
        key: the API key; empty: it is not set up, which a search says.
        timeout: seconds.
        proxy: address of a proxy, or empty.
        url: address of the service.
    """

    name = "Brave"
    tells = True

    def __init__(
        self, key: str, timeout: float = 10.0, proxy: str = "", url: str = "https://api.search.brave.com"
    ) -> None:
        self._service = JsonService(url, timeout, {"x-subscription-token": key}, proxy) if key else None

    def search(self, query: str, language: str, count: int) -> list[Hit]:
        """See :meth:`agents.tools.search_engines.base.SearchEngine.search`."""
        if self._service is None:
            raise ServiceError("key", "RAGBOT_WEB__BRAVE_KEY")
        asked: dict[str, str | int | float] = {"q": query, "count": count, "text_decorations": "false"}
        if language in _LANGUAGES:
            asked["search_lang"] = _LANGUAGES[language]
        try:
            found = self._service.get("/res/v1/web/search", asked)
        except ServiceError as error:
            if error.problem == "status" and error.detail == "422":  # what it says to a key that is none
                raise ServiceError("denied", "422") from error
            raise
        if not isinstance(found, dict):
            raise ServiceError("garbled")
        web = found.get("web") or {"results": []}  # it is left out where nothing was found
        if not isinstance(web, dict) or not isinstance(results := web.get("results"), list):
            raise ServiceError("garbled")
        return distinct(map(_hit, results), count)


def _hit(row: Any) -> Hit | None:
    if not isinstance(row, dict):
        return None
    return hit(row.get("title"), row.get("url"), row.get("description"), str(row.get("page_age") or "")[:10])

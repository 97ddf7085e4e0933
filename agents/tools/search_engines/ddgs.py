"""ddgs: public search pages, without a key (https://github.com/deedy5/ddgs)."""

from __future__ import annotations

import math
from importlib.util import find_spec

from agents.tools.net.client import ServiceError
from agents.tools.search_engines.base import Hit, distinct, hit

_REGIONS = {"zh": "cn-zh", "en": "us-en"}


class DdgsEngine:
    """Several public engines, asked by the package ddgs, of which any may refuse at times.

    ddgs passes over an engine that refuses, and then reports that nothing was found: :attr:`tells` is False.

    Args:
        timeout: seconds.
        proxy: address of a proxy, or empty.
        backend: which of its engines, by comma; ``auto``: as it likes.
    """

    name = "ddgs"
    tells = False

    def __init__(self, timeout: float = 10.0, proxy: str = "", backend: str = "auto") -> None:
        self._timeout = timeout
        self._proxy = proxy or None
        self._backend = backend

    def search(self, query: str, language: str, count: int) -> list[Hit]:
        """See :meth:`agents.tools.search_engines.base.SearchEngine.search`."""
        if find_spec("ddgs") is None:
            raise ServiceError("setup", 'pip install "ragbot[web]"')
        from ddgs import DDGS
        from ddgs.exceptions import DDGSException, TimeoutException

        seconds = math.ceil(self._timeout)
        try:
            rows = DDGS(proxy=self._proxy, timeout=seconds).text(
                query,
                region=_REGIONS.get(language, "us-en"),
                max_results=count,
                backend=self._backend,
            )
        except TimeoutException as error:
            raise ServiceError("timeout", f"{seconds}") from error
        except DDGSException as error:
            if error.args and isinstance(error.args[0], BaseException):  # of the last engine; else it is a message
                raise ServiceError("offline") from error
            rows = []
        return distinct((hit(row.get("title"), row.get("href"), row.get("body")) for row in rows), count)

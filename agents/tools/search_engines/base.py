"""What a search engine is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from agents.tools.net.cleaning import one_line

_TITLE, _SNIPPET, _URL, _DATE = 120, 320, 500, 40
#: Parameters that say where a visitor came from, and not which page is meant.
_TRACKING = ("utm_", "fbclid", "gclid", "spm", "mc_cid", "mc_eid")


@dataclass(frozen=True, slots=True)
class Hit:
    """A result: one line each of what the engine says, cleaned and cut."""

    title: str
    url: str
    snippet: str = ""
    date: str = ""


class SearchEngine(Protocol):
    """Finds pages of the web."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def tells(self) -> bool:
        """Whether a refusal can be told from a search that found nothing."""
        ...

    def search(self, query: str, language: str, count: int) -> list[Hit]:
        """Up to ``count`` results for ``query``, best first, preferably in ``language`` (``zh``, ``en``).

        Raises:
            ServiceError: the engine cannot be asked.
        """
        ...


def hit(title: object, url: object, snippet: object = "", date: object = "") -> Hit | None:
    """A result out of what an engine sent; None where it has no address that could be opened."""
    address = url.strip() if isinstance(url, str) else ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or len(address) > _URL or not address.isprintable():
        return None
    if " " in address:
        return None
    return Hit(one_line(title, _TITLE) or parts.hostname, address, one_line(snippet, _SNIPPET), one_line(date, _DATE))


def distinct(hits: Iterable[Hit | None], count: int) -> list[Hit]:
    """The first ``count`` results that lead to different pages."""
    found: dict[tuple[str, ...], Hit] = {}
    for one in hits:
        if one is not None:
            found.setdefault(_page(one.url), one)
    return list(found.values())[:count]


def _page(url: str) -> tuple[str, ...]:
    """What two addresses of one page have in common."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not pair[0].startswith(_TRACKING)]
    return host, urlunsplit(("", "", parts.path.rstrip("/"), urlencode(sorted(query)), ""))

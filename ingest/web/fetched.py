"""What bounds the fetching of a page, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WebLimits:
    """Bounds for one page.

    ``max_bytes`` hold for the unpacked body; the ``seconds`` for all of it, with redirects, waits and robots.txt
    (looking a host up excepted, which the system does in its own time); ``patience`` for one answer from the network;
    ``retries`` and ``longest_wait`` (seconds) for a server that is busy.
    """

    max_bytes: int = 64 * 1024 * 1024
    seconds: float = 120.0
    patience: float = 20.0
    redirects: int = 5
    retries: int = 2
    longest_wait: float = 30.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page: ``url`` as it was asked for, in its normal form, and where it was found in the end.

    ``path`` is a private file with the suffix of its loader, which stays until the fetcher is closed; it is None where
    the server says that the page is still the one of ``etag`` and ``last_modified``. ``name`` is for people.
    """

    url: str
    location: str
    name: str
    path: Path | None
    media_type: str = ""
    size: int = 0
    etag: str = ""
    last_modified: str = ""

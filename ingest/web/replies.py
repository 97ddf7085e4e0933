"""What a server's reply says of itself: where it redirects, how long to wait, what the page is called."""

from __future__ import annotations

import email.utils
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urljoin

import httpx

from ingest.web.address import Target, parse_url, shown_url
from ragbot.errors import LoaderError
from ragbot.net.pages import PageError


def next_place(target: Target, headers: httpx.Headers) -> Target:
    """Where a redirect leads. Raises PageError where nobody should follow it."""
    raw = headers.get("location", "").strip()
    with suppress(UnicodeError):  # headers are bytes; servers that do not encode their URLs send UTF-8
        raw = raw.encode("latin-1").decode("utf-8")
    try:
        place = parse_url(urljoin(target.url, raw).partition("#")[0])
    except (LoaderError, ValueError) as error:
        raise PageError("refused", f"{shown_url(target.url)} redirects to a place that is refused: {error}") from error
    if target.scheme == "https" and place.scheme == "http":
        raise PageError(
            "redirect",
            f"{shown_url(target.url)} redirects from https to http ({shown_url(place.url)}), where anybody on the way "
            "could change the page: if you trust it, name that URL yourself",
        )
    return place


def told_wait(value: str) -> float | None:
    """Seconds in a ``Retry-After`` header: a number, or a date."""
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    with suppress(ValueError, TypeError, OverflowError):
        moment = email.utils.parsedate_to_datetime(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    return None


def file_name(place: Target) -> str:
    """The last part of the path, for the title of a page that has none; else the host."""
    last = httpx.URL(place.url).path.rstrip("/").rpartition("/")[2]
    return "".join(character for character in last if character.isprintable())[:200] or place.host

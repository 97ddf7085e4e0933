"""Pages of the web as sources: fetched with care for the person's network, the server's wishes, and our memory.

A :class:`Fetcher` sends no cookies and no credentials, takes no proxy from the environment, runs no script and follows
no link but redirects, each of which is checked like a URL that was typed.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType

import httpcore
import httpx

from ingest.temporary import PrivateFolder
from ingest.web.address import LookUp, Resolved, Target, is_url, parse_url, resolve, shown_url, system_look_up
from ingest.web.content import in_utf8, media_type, suffix_for, too_large, unpacked
from ingest.web.fetched import Fetched, WebLimits
from ingest.web.network import PinnedNetwork
from ingest.web.replies import file_name, next_place, told_wait
from ingest.web.robots import MAX_ROBOTS, NOTHING, Rules, parse_robots
from ragbot.errors import LoaderError
from ragbot.net.pages import PageError

__all__ = ["Fetched", "Fetcher", "WebLimits", "is_url"]

log = logging.getLogger(__name__)

_MOVED = frozenset((301, 302, 303, 307, 308))
_BUSY = frozenset((429, 503))
_PLAIN_PORTS = frozenset((80, 443))
_NEXT_STEPS: Mapping[int, str] = {
    401: "it wants a password, and none is sent; download it yourself",
    403: "the server does not give it to programs; download it yourself",
    404: "check its spelling",
    410: "it was taken away",
}


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    headers: httpx.Headers
    body: Iterator[bytes]


@dataclass(slots=True)
class _Trip:
    """One fetch with all its requests: until when, and how far it may go."""

    deadline: float
    allow_private: bool
    private_port: int | None = None
    conditions: dict[str, str] = field(default_factory=dict)


class Fetcher:
    """Fetches pages for one run; robots.txt is asked once a server, and the files go when it is closed."""

    def __init__(
        self,
        limits: WebLimits | None = None,
        *,
        allow_private: bool = False,
        private_hosts: Collection[str] | None = None,
        user_agent: str = "ragbot",
        look_up: LookUp = system_look_up,
        network: httpcore.NetworkBackend | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make a fetcher.

        Args:
            allow_private: a host in a private network or on this machine may be named; a page of the public web still
                cannot lead there.
            private_hosts: then only these, each ``host`` or ``host:port``, also after a redirect; None: all.
            user_agent: what the server is told; the part before ``/`` is the name that robots.txt may speak of.
            look_up: finds a host's addresses.
            network: makes the connections.
            sleep: waits, where a server asks for it.
        """
        self._limits = limits or WebLimits()
        self._allow_private = allow_private
        self._private_hosts = private_hosts
        self._user_agent = user_agent
        self._look_up = look_up
        self._network = network or httpcore.SyncBackend()
        self._sleep = sleep
        self._robots: dict[str, tuple[Rules, str]] = {}
        self._tls: ssl.SSLContext | None = None
        self._folder = PrivateFolder()

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.__exit__(kind, error, trace)

    def fetch(self, url: str, *, etag: str = "", last_modified: str = "") -> Fetched:
        """Fetch a page, if it is another than the one of ``etag`` and ``last_modified``.

        Raises:
            LoaderError: the URL is refused or leads to one that is, robots.txt excludes it, the server fails or is too
                slow, or what it sent is too large, damaged, or nothing that a loader reads.
            OSError: the folder for temporary files cannot be written.
        """
        target = parse_url(url)
        trip = _Trip(time.monotonic() + self._limits.seconds, self._allow_private)
        if etag and etag.isascii() and etag.isprintable():
            trip.conditions["if-none-match"] = etag
        if last_modified and last_modified.isascii() and last_modified.isprintable():
            trip.conditions["if-modified-since"] = last_modified
        with self._followed(target, trip, self._check_robots) as (place, reply):
            name = shown_url(place.url)
            if reply.status == 304 and trip.conditions:
                return Fetched(target.url, place.url, file_name(place), None, "", 0, etag, last_modified)
            if reply.status != 200:
                step = _NEXT_STEPS.get(reply.status, "try again later, or check it in a browser")
                raise PageError("status", f"{name} answered {reply.status}: {step}", reply.status)
            return self._saved(target, place, reply, name)

    def _saved(self, asked: Target, place: Target, reply: _Reply, name: str) -> Fetched:
        headers = reply.headers
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:18]) > self._limits.max_bytes:
            raise too_large(name, self._limits.max_bytes)
        encoding = headers.get("content-encoding", "")
        data = b"".join(unpacked(reply.body, encoding, self._limits.max_bytes, name))
        if not data.strip():
            raise PageError("empty", f"{name} is empty: there is no text in it to read")
        kind, charset = media_type(headers.get("content-type", ""))
        suffix = suffix_for(kind, place.url, data, name)
        data = in_utf8(data, suffix, charset)
        path, file = self._folder.create(suffix)
        with file:
            file.write(data)
        return Fetched(
            url=asked.url,
            location=place.url,
            name=file_name(place),
            path=path,
            media_type=kind,
            size=len(data),
            etag=headers.get("etag", "")[:1000],
            last_modified=headers.get("last-modified", "")[:100],
        )

    @contextmanager
    def _followed(
        self, target: Target, trip: _Trip, check: Callable[[Target, _Trip], None] | None = None
    ) -> Iterator[tuple[Target, _Reply]]:
        """The answer to a request, after redirects and waits; ``check`` is asked before each request."""
        hops = waits = 0
        while True:
            resolved = self._resolved(target, trip)
            if check:
                check(target, trip)
            with self._requested(target, resolved, trip) as reply:
                if reply.status in _MOVED and "location" in reply.headers:
                    hops += 1
                    if hops > self._limits.redirects:
                        raise PageError(
                            "redirect",
                            f"{shown_url(target.url)} redirects more than {self._limits.redirects} times: "
                            "name the page that a browser ends at",
                        )
                    target = next_place(target, reply.headers)
                    continue
                if reply.status not in _BUSY or waits == self._limits.retries:
                    yield target, reply
                    return
                wait = self._wait(target, reply, waits, trip)
            waits += 1
            log.info("%s is busy; again in %.1f s", shown_url(target.url), wait)
            self._sleep(wait)

    def _resolved(self, target: Target, trip: _Trip) -> Resolved:
        """The host's addresses; out of the private network there is a way, and none back into it."""
        may_be = self._private_hosts is None or target.authority in self._private_hosts
        resolved = resolve(target, self._look_up, trip.allow_private and may_be)
        if not resolved.is_private:
            trip.allow_private = False
        elif trip.private_port is None:
            trip.private_port = target.port
        elif target.port != trip.private_port and target.port not in _PLAIN_PORTS:
            raise PageError(
                "refused",
                f"{shown_url(target.url)} was redirected to, on another port inside a private network: "
                "if you mean it, name it yourself",
            )
        return resolved

    @contextmanager
    def _requested(self, target: Target, resolved: Resolved, trip: _Trip) -> Iterator[_Reply]:
        name = shown_url(target.url)
        headers = {
            "host": target.authority,
            "user-agent": self._user_agent,
            "accept": "text/html,application/xhtml+xml,application/pdf,text/plain,text/markdown;q=0.9,*/*;q=0.5",
            "accept-encoding": "gzip, deflate",
            "connection": "close",
            **trip.conditions,
        }
        patience = self._limits.patience
        timeout = {"connect": patience, "read": patience, "write": patience, "pool": patience}
        network = PinnedNetwork(self._network, resolved.addresses, trip.deadline)
        url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path.encode("ascii"))
        try:
            with (
                httpcore.ConnectionPool(self._context(target), max_connections=1, network_backend=network) as pool,
                pool.stream("GET", url, headers=list(headers.items()), extensions={"timeout": timeout}) as response,
            ):
                received = httpx.Headers(response.headers)
                yield _Reply(response.status, received, response.iter_stream())
        except httpcore.TimeoutException as error:
            left = trip.deadline - time.monotonic()
            limit = f"{patience:g} s without an answer" if left > 0 else f"over {self._limits.seconds:g} s in all"
            raise PageError(
                "slow", f"{name} is too slow ({limit}): try again later, or download it yourself"
            ) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
            said = shown_url(str(error)) or type(error).__name__
            raise PageError("away", f"{name} cannot be fetched ({said}): check the URL, or try again later") from error

    def _context(self, target: Target) -> ssl.SSLContext | None:
        if target.scheme == "https" and self._tls is None:
            self._tls = httpx.create_ssl_context()  # of the certificates in SSL_CERT_FILE, if it is set
        return self._tls

    def _wait(self, target: Target, reply: _Reply, waits: int, trip: _Trip) -> float:
        told = told_wait(reply.headers.get("retry-after", ""))
        wait = 2.0**waits if told is None else told
        if wait > self._limits.longest_wait or time.monotonic() + wait > trip.deadline:
            raise PageError(
                "busy",
                f"{shown_url(target.url)} answered {reply.status} and asks to wait {wait:,.0f} s, which is longer than "
                "a run does: try again later",
                reply.status,
            )
        return wait

    def _check_robots(self, target: Target, trip: _Trip) -> None:
        if target.origin not in self._robots:
            self._robots[target.origin] = self._asked_robots(target, trip)
        rules, reason = self._robots[target.origin]
        if rules.allows(target.path):
            return
        if reason:
            raise PageError(
                "robots",
                f"{shown_url(target.url)} is not fetched, as the server's robots.txt, which says what programs may "
                f"read, cannot be had: {reason}",
            )
        raise PageError(
            "robots", f"{shown_url(target.url)} is excluded by the server's robots.txt: download it yourself if you may"
        )

    def _asked_robots(self, target: Target, trip: _Trip) -> tuple[Rules, str]:
        """The rules, and why they cannot be had, if so. RFC 9309, section 2.3.1: a file that is not there (4xx) allows all, a failure forbids all."""
        place = parse_url(f"{target.origin}/robots.txt")
        own = _Trip(trip.deadline, trip.allow_private, trip.private_port)
        name = f"{target.origin}/robots.txt"
        text = b""
        try:
            with self._followed(place, own) as (_, reply):
                if 400 <= reply.status < 500 and reply.status != 429:
                    return Rules(), ""
                if reply.status != 200:
                    return NOTHING, f"{name} answered {reply.status}; try again later"
                with suppress(StopIteration):
                    pieces = unpacked(reply.body, reply.headers.get("content-encoding", ""), 64 * MAX_ROBOTS, name)
                    while len(text) < MAX_ROBOTS:
                        text += next(pieces)
        except LoaderError as error:
            return NOTHING, str(error)
        return parse_robots(text[:MAX_ROBOTS].decode("utf-8", "replace"), self._user_agent.partition("/")[0]), ""

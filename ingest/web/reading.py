"""Pages for an agent: fetched with the guard of :mod:`ingest.web.fetcher`, parsed in a process of their own, kept nowhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from types import TracebackType

import httpcore

from ingest.parsing import Limits, ParserPool
from ingest.temporary import own_title, own_words
from ingest.web.address import LookUp, parse_url, shown_url, system_look_up
from ingest.web.fetcher import Fetcher, WebLimits
from ragbot.errors import LoaderError
from ragbot.net.pages import Page, PageError

#: A question waits for a page; a run of ingestion has more time.
LIMITS = WebLimits(max_bytes=16 * 1024 * 1024, seconds=25.0, patience=10.0, redirects=5, retries=1, longest_wait=5.0)
PARSING = Limits(seconds=30.0, memory_mb=1024)


class WebReader:
    """Reads pages, one after another or from several threads; call it with a URL. Use it as a context manager.

    Args:
        user_agent: what servers, and their robots.txt, are told.
        private_hosts: ``host`` or ``host:port`` in private networks that may be read; no page can lead to others.
        limits: bounds of a fetch.
        parsing: bounds of parsing what was fetched.
        look_up: finds a host's addresses.
        network: makes the connections.
        sleep: waits, where a server asks for it.
    """

    def __init__(
        self,
        user_agent: str = "ragbot",
        private_hosts: Collection[str] = (),
        *,
        limits: WebLimits = LIMITS,
        parsing: Limits = PARSING,
        look_up: LookUp = system_look_up,
        network: httpcore.NetworkBackend | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._user_agent = user_agent
        self._private_hosts = frozenset(host.lower() for host in private_hosts)
        self._limits = limits
        self._parsing = parsing
        self._look_up = look_up
        self._network = network
        self._sleep = sleep
        self._pool: ParserPool | None = None
        self._lock = threading.Lock()

    def __call__(self, url: str) -> Page:
        """Read the page at ``url``.

        Raises:
            PageError: the URL is refused, the page cannot be had, or there is no text in it.
        """
        try:
            parse_url(url)
        except LoaderError as error:
            raise PageError("address", str(error)) from error
        fetcher = Fetcher(
            self._limits,
            allow_private=bool(self._private_hosts),
            private_hosts=self._private_hosts,
            user_agent=self._user_agent,
            look_up=self._look_up,
            network=self._network,
            sleep=self._sleep,
        )
        try:
            with fetcher:
                found = fetcher.fetch(url)
                assert found.path is not None  # for mypy: nothing was said of an older copy
                try:
                    parsed = self._parsers().submit(found.path, self._limits.max_bytes).result()
                except LoaderError as error:
                    raise PageError("damaged", str(own_words(error, found.path, found.name))) from error
                parsed = own_title(parsed, found.path, found.name)
        except OSError as error:
            raise PageError("damaged", f"{shown_url(url)} cannot be stored: {error.strerror or error}") from error
        return Page(found.location, parsed.title, parsed.text, parsed.language, parsed.date, parsed.type)

    def close(self) -> None:
        """End the process that parses."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool:
            pool.close()

    def __enter__(self) -> WebReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _parsers(self) -> ParserPool:
        with self._lock:
            if self._pool is None:
                self._pool = ParserPool(1, self._parsing)
            return self._pool

"""Asking a service for JSON, with bounds on time and size, and one more try where that may help."""

from __future__ import annotations

import functools
import json
import logging
import math
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import httpx

log = logging.getLogger(__name__)

#: ``offline``: no network, or no such host; ``away``: no connection, or it broke; ``timeout``; ``limit``: too many
#: requests (429); ``denied``: the key is not taken; ``key``: there is none; ``setup``: something else is not set up;
#: ``server``: it failed (5xx); ``status``: another error of HTTP; ``garbled``: no JSON of the shape that was agreed;
#: ``large``: more than is read.
Problem: TypeAlias = Literal[
    "offline", "away", "timeout", "limit", "denied", "key", "setup", "server", "status", "garbled", "large"
]

MAX_BYTES = 4 * 1024 * 1024
#: Longest wait for a second try, in seconds, whatever the service asks for.
LONGEST_WAIT = 3.0
_FIRST_WAIT = 0.5
_WAIT_AT_MOST = 86_400.0
_PASSING = frozenset((429, 500, 502, 503, 504))


class ServiceError(Exception):
    """A service that could not be asked, or did not answer as agreed.

    Attributes:
        problem: what kind of failure it is.
        detail: what the person or the model is told about it: a status, a setting, seconds; no key and no address.
    """

    def __init__(self, problem: Problem, detail: str = "") -> None:
        super().__init__(f"{problem}: {detail}" if detail else problem)
        self.problem: Problem = problem
        self.detail = detail


class JsonService:
    """A service with a base address.

    Args:
        base_url: address without a path.
        timeout: seconds for a whole request with its second try.
        headers: sent with each request; keys belong here, where no log and no error shows them.
        proxy: address of a proxy, or empty; the environment's are not used.
        max_bytes: an answer that is larger is not read.
        sleep: waits before a second try.
    """

    def __init__(
        self,
        base_url: str,
        timeout: float = 10.0,
        headers: Mapping[str, str] | None = None,
        proxy: str = "",
        max_bytes: int = MAX_BYTES,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._headers = {"user-agent": "ragbot", "accept": "application/json", "accept-encoding": "identity"}
        self._headers.update(headers or {})
        self._proxy = proxy or None
        self._max_bytes = max_bytes
        self._sleep = sleep

    def get(self, path: str, parameters: Mapping[str, str | int | float]) -> Any:
        """The JSON at ``path``. Raises :class:`ServiceError`."""
        return self._asked("GET", path, params=dict(parameters))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON that a search with ``body`` gives; it must change nothing, as it may be sent twice.

        Raises:
            ServiceError: see its problems.
        """
        return self._asked("POST", path, json=dict(body))

    def _asked(self, method: str, path: str, **content: Any) -> Any:
        deadline = time.monotonic() + self._timeout
        try:
            with httpx.Client(
                # A service that has just refused may close the connection under the next try.
                limits=httpx.Limits(max_keepalive_connections=0),
                headers=self._headers,
                timeout=self._timeout,
                proxy=self._proxy,
                verify=_tls() if self._base_url.startswith("https:") else False,
                trust_env=False,  # no proxy and no .netrc: what is sent along is what the settings say
            ) as client:
                return self._tried(client, method, f"{self._base_url}{path}", deadline, content)
        except httpx.TimeoutException as error:
            raise ServiceError("timeout", f"{self._timeout:g}") from error
        except (httpx.ConnectError, httpx.ProxyError) as error:
            raise ServiceError("offline") from error
        except httpx.TransportError as error:
            raise ServiceError("away") from error
        except (httpx.InvalidURL, httpx.DecodingError) as error:
            raise ServiceError("garbled") from error

    def _tried(self, client: httpx.Client, method: str, url: str, deadline: float, content: Mapping[str, Any]) -> Any:
        try:
            status, wait, body = self._received(client, method, url, deadline, content)
        except (httpx.RemoteProtocolError, httpx.ReadError):  # closed on us: once more
            status, wait, body = 503, None, b""
        if status in _PASSING:
            pause = _FIRST_WAIT if wait is None else wait
            if pause <= LONGEST_WAIT and time.monotonic() + pause < deadline:
                log.info("a service answered %d; again in %.1f s", status, pause)
                self._sleep(pause)
                status, wait, body = self._received(client, method, url, deadline, content)
        if status == 200:
            try:
                return json.loads(body)
            except (ValueError, RecursionError) as error:
                raise ServiceError("garbled") from error
        if status == 429:
            raise ServiceError("limit", "" if wait is None else f"{math.ceil(wait)}")
        if status in (401, 403):
            raise ServiceError("denied", str(status))
        raise ServiceError("server" if status >= 500 else "status", str(status))

    def _received(
        self, client: httpx.Client, method: str, url: str, deadline: float, content: Mapping[str, Any]
    ) -> tuple[int, float | None, bytes]:
        """Status, seconds that the service asks to wait, body."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise httpx.ReadTimeout("the time is over")
        with client.stream(method, url, timeout=left, **content) as response:
            pieces = bytearray()
            for piece in response.iter_bytes():  # as it comes: a size to fill up would wait for it
                pieces += piece
                if len(pieces) > self._max_bytes:
                    raise ServiceError("large", f"{self._max_bytes / 2**20:g}")
                if time.monotonic() > deadline:  # a byte now and then is in time each time, and never at an end
                    raise httpx.ReadTimeout("the time is over")
            return response.status_code, _told_wait(response.headers.get("retry-after", "")), bytes(pieces)


@functools.cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _told_wait(value: str) -> float | None:
    """Seconds of a ``Retry-After`` header (RFC 9110, section 10.2.3), if it gives any; a date is not worth a guess."""
    value = value.strip()
    return min(float(value[:9]), _WAIT_AT_MOST) if value.isascii() and value.isdecimal() else None

"""One request under way, seen from the thread that does the work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: Seconds between two reports of how far it has come.
_PAUSE = 0.2


class CancelledByClientError(Exception):
    """The client does not want the result any more."""


class Job:
    """A request that can be cancelled.

    Args:
        send: tells the client how far it has come (done, in all or None, what is being done); None: it did not ask.
    """

    def __init__(self, send: Callable[[float, float | None, str], None] | None = None) -> None:
        self._send = send
        self._cancelled = threading.Event()
        self._told = float("-inf")

    def cancel(self) -> None:
        """Stop the work at its next step."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise CancelledByClientError if the work is to stop."""
        if self._cancelled.is_set():
            raise CancelledByClientError

    def report(self, done: float, total: float | None, message: str) -> None:
        """Say how far the work has come, if anybody wants to know and it was not said just now. Raises as check."""
        self.check()
        now = time.monotonic()
        if self._send and (now - self._told >= _PAUSE or done == total):
            self._told = now
            self._send(done, total, message)

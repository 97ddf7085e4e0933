"""Places for requests that are worked on at once: some run, a bounded number waits in line, the rest is refused."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from apps.api.problems import ProblemError

#: Longest time that anybody is told to come back after, in seconds.
_LONGEST = 120


class Gate:
    """``slots`` run, ``queue`` wait for at most ``patience`` seconds, first come first served.

    For the one event loop that it is used in.

    Args:
        changed: told how many run and how many wait, whenever that changes.
    """

    def __init__(
        self, slots: int, queue: int, patience: float, changed: Callable[[int, int], None] | None = None
    ) -> None:
        self.slots, self.queue, self.patience = slots, queue, patience
        self._changed = changed or (lambda running, waiting: None)
        self.running = self.waiting = self.refused = 0
        self._free = asyncio.Semaphore(slots)
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="request")
        self._usual = 1.0  # seconds that a slot was held lately

    async def enter(self) -> Slot:
        """Take a slot. Raises ProblemError (429): too many are waiting, or none was free in time."""
        if self._free.locked() and self.waiting >= self.queue:
            raise self._busy(f"{self.running} requests are being answered and {self.waiting} wait already")
        self.waiting += 1
        self._changed(self.running, self.waiting)
        try:
            async with asyncio.timeout(self.patience):
                await self._free.acquire()
        except TimeoutError:
            raise self._busy(f"no slot was free for {self.patience:g} seconds") from None
        finally:
            self.waiting -= 1
            self._changed(self.running, self.waiting)
        self.running += 1
        self._changed(self.running, self.waiting)
        return Slot(self)

    def start(self, work: Callable[[], Any]) -> None:
        """Run ``work`` in a thread; whoever has a slot has one for it."""
        self._threads.submit(work)

    def close(self) -> None:
        """Start nothing any more; what is running is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _leave(self, seconds: float) -> None:
        self._usual += 0.2 * (seconds - self._usual)
        self.running -= 1
        self._changed(self.running, self.waiting)
        self._free.release()

    def _busy(self, why: str) -> ProblemError:
        self.refused += 1
        seconds = min(max(math.ceil(self._usual * (self.waiting + 1) / self.slots), 1), _LONGEST)
        return ProblemError(
            429,
            f"the server is busy: {why}. Try again in {seconds} s",
            code="busy",
            headers={"Retry-After": str(seconds)},
        )


class Slot:
    """A place that one request has; :meth:`leave` gives it back, once."""

    def __init__(self, gate: Gate) -> None:
        self._gate, self._since, self._left = gate, time.monotonic(), False

    def leave(self) -> None:
        """Give it back."""
        if not self._left:
            self._left = True
            self._gate._leave(time.monotonic() - self._since)

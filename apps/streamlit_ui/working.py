"""Work that goes on while the page is drawn anew: an answer, a run of the agent, an evaluation.

Streamlit breaks a script off whenever its reader touches anything. So what takes long is done in a thread of its own,
which the page looks at; it goes on when the page is left or loaded again, and stops when it is told to.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
#: Finished works that are remembered, for a page that comes late to see how one ended.
_KEPT = 200


class Work(Generic[Item]):
    """Something under way.

    Args:
        make: gives the items; it is closed where the work is stopped, and may ask :attr:`stopping` itself.
        slots: how many of a kind may be at work at once; the others wait.
        about: what a page needs to know of it, such as the question.
    """

    def __init__(
        self,
        make: Callable[[Work[Item]], Generator[Item]],
        slots: threading.Semaphore | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.about: Mapping[str, Any] = about or {}
        self.items: list[Item] = []
        self.error: BaseException | None = None
        self.stopping = threading.Event()
        #: Called by :meth:`stop`, in whichever thread: what ends the work before its next item.
        self.on_stop: list[Callable[[], object]] = []
        self.begun = False
        self.started = time.monotonic()
        self._finished = threading.Event()
        self._make = make
        self._slots = slots
        self._thread = threading.Thread(target=self._run, name="ragbot-work", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it goes on, or waits for its turn."""
        return not self._finished.is_set()

    def stop(self, wait: float = 0.0) -> None:
        """End it at the next item; ``wait`` up to so many seconds until it has."""
        self.stopping.set()
        for call in tuple(self.on_stop):
            call()
        self._finished.wait(wait)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it came."""
        return self._finished.wait(seconds)

    def _run(self) -> None:
        try:
            if self._turn():
                with closing(self._make(self)) as made:
                    for item in made:
                        self.items.append(item)
                        if self.stopping.is_set():
                            return
        except BaseException as error:  # noqa: BLE001  # shown where the work is looked at
            self.error = None if self.stopping.is_set() else error
        finally:
            if self.begun and self._slots:
                self._slots.release()
            self._finished.set()

    def _turn(self) -> bool:
        """Wait for a slot; False where it was stopped meanwhile."""
        while self._slots and not self._slots.acquire(timeout=0.1):
            if self.stopping.is_set():
                return False
        self.begun = True
        return True


class Works:
    """The works of a process, by a name that a page finds them under again. Thread-safe."""

    def __init__(self) -> None:
        self._works: dict[str, Work[Any]] = {}
        self._lock = threading.Lock()

    def begin(
        self,
        name: str,
        make: Callable[[Work[Any]], Generator[Any]],
        slots: threading.Semaphore | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> Work[Any]:
        """Start one; where there is one of this name at work, that one is returned and nothing is started."""
        with self._lock:
            before = self._works.get(name)
            if before is not None and before.running:
                return before
            self._works.pop(name, None)
            self._works[name] = made = Work(make, slots, about)
            ended = [key for key, work in self._works.items() if not work.running]
            for key in ended[: max(len(ended) - _KEPT, 0)]:
                del self._works[key]
            return made

    def get(self, name: str) -> Work[Any] | None:
        """The last work of this name, also if it has ended."""
        with self._lock:
            return self._works.get(name)

    def all(self) -> list[Work[Any]]:
        """Those that are known, the oldest first."""
        with self._lock:
            return list(self._works.values())

    def close(self, wait: float = 5.0) -> None:
        """Stop all of them, and wait up to ``wait`` seconds."""
        for work in self.all():
            work.stop()
        deadline = time.monotonic() + wait
        for work in self.all():
            work.wait(max(deadline - time.monotonic(), 0.0))

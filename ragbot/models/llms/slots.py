"""Places for calls that run at once; who comes when all are taken waits in line."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from ragbot.errors import GenerationError
from ragbot.models.llms.calls import Call, CallCancelledError

#: Seconds between two looks whether the caller of a waiting call has left.
LOOK = 0.05


class Slots:
    """``count`` calls run, the others wait, first come first served. Thread-safe."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = count
        self._line: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def free(self) -> int:
        """Slots that nobody has."""
        return self._free

    @contextmanager
    def taken(self, call: Call, what: str) -> Iterator[None]:
        """Hold a slot inside; it is free again whatever happened there.

        Raises:
            GenerationError: the call's time was over before a slot was free.
            CallCancelledError: the caller has left.
        """
        self._take(call, what)
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def _take(self, call: Call, what: str) -> None:
        ticket = object()
        with self._changed:
            self._line.append(ticket)
            try:
                while not (self._free and self._line[0] is ticket):
                    self._changed.wait(LOOK)
                    try:
                        call.check(what, begun=False)
                    except CallCancelledError:
                        raise
                    except GenerationError as error:
                        raise GenerationError(
                            f"all {self.count} slots of {what} stayed taken ({error}); or close the streams that "
                            "nobody reads any more"
                        ) from None
                self._free -= 1
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()

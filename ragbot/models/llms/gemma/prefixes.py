"""Texts whose keys and values are kept: what begins like one of them need not be read again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from ragbot.models.llms.gemma.buffers import Buffers

#: A shorter beginning is read faster than it is looked after.
SHORTEST = 16


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many ids ``a`` and ``b`` begin with in common."""
    length = min(len(a), len(b))
    return next((i for i in range(length) if a[i] != b[i]), length)


class PrefixCache:
    """Buffers of texts that were read, the least recently used forgotten first.

    Buffers are kept, not copied: their reader goes on behind the ids that are kept here, and never before.

    Args:
        limit: bytes that are kept; 0 keeps nothing.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[Buffers, tuple[int, ...]]] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """Bytes that are kept."""
        with self._lock:
            return sum(buffers.nbytes for buffers, _ in self._kept.values())

    def find(self, ids: Sequence[int]) -> tuple[Buffers, int] | None:
        """The buffers that begin like ``ids`` for longest, and for how many tokens; None if that is not worth it."""
        with self._lock:
            lengths = {key: common_prefix(ids, kept) for key, (_, kept) in self._kept.items()}
            best = max(lengths, key=lengths.__getitem__, default=None)
            if best is None or lengths[best] < SHORTEST:
                return None
            self._kept.move_to_end(best)
            return self._kept[best][0], lengths[best]

    def keep(self, buffers: Buffers, ids: Sequence[int]) -> None:
        """Keep ``buffers``, which begin with ``ids``; a text that another one begins with is kept once."""
        if buffers.nbytes > self._limit:
            return
        kept = tuple(ids)
        with self._lock:
            for key in [key for key, (_, other) in self._kept.items() if kept[: len(other)] == other]:
                del self._kept[key]
            self._kept[id(buffers)] = (buffers, kept)
            while sum(other.nbytes for other, _ in self._kept.values()) > self._limit:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()

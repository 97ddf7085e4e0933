"""Keep the indexes near the catalog while a run goes on: a kill then costs the next start little."""

from __future__ import annotations

import time

from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.memory import give_back

#: Chunks that are committed before the indexes are brought up: it bounds what is held of them at once.
CHUNKS = 5_000
#: The same in seconds, for slow embedders.
SECONDS = 30.0
#: Storing takes at most this share of the time, …
SHARE = 0.03
#: … unless so many chunks wait for it: what is not stored yet is held in memory.
WAITING = 20_000


class Storing:
    """Brings the indexes of a knowledge base up, and stores them, now and then. Only the writer may use it."""

    def __init__(self, kb: KnowledgeBase) -> None:
        self._kb = kb
        self._chunks = self._waiting = 0
        self._last = self._stored = time.monotonic()
        self._pause = 0.0

    def committed(self, chunks: int) -> None:
        """So many more chunks have been committed."""
        self._chunks += chunks
        if not self._chunks or (self._chunks < CHUNKS and time.monotonic() - self._last < SECONDS):
            return
        self._kb.refresh()
        self._waiting += self._chunks
        self._chunks = 0
        self._last = begin = time.monotonic()
        if begin - self._stored >= self._pause or self._waiting >= WAITING:
            self._kb.save()
            self._waiting = 0
            self._last = self._stored = time.monotonic()
            self._pause = (self._stored - begin) / SHARE
        give_back()

"""A topic map step by step, for readers who may leave before it is there: the work stops then."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from typing import TYPE_CHECKING, Protocol

from ragbot.exploring.collection import Count, ProgressCallback
from ragbot.exploring.layout import TopicMap
from ragbot.index.filters import Filter

if TYPE_CHECKING:
    from ragbot.exploring.topics import Topics

#: Seconds between two moments at which the reader may leave, and that the work may take to end then.
_MOMENT, _ENDING = 0.25, 60.0


class Mapping(Protocol):
    """What has topics and a map of them; :class:`ragbot.RagBot` is one."""

    def topics(
        self, count: int | None = None, where: Filter | None = None, progress: ProgressCallback | None = None
    ) -> Topics:
        """What the documents are about."""

    def topic_map(self, topics: Topics) -> TopicMap:
        """The map of it."""


class _LeftError(Exception):
    """The reader has left."""


def map_steps(bot: Mapping, where: Filter | None = None) -> Generator[Count | TopicMap]:
    """How far the work has come, now and then, and at last the map; closing the iterator stops the work.

    Args:
        bot: whose documents they are.
        where: who asks, and which documents are meant.
    """
    made: queue.SimpleQueue[Count | TopicMap | BaseException] = queue.SimpleQueue()
    left = threading.Event()

    def tell(count: Count) -> None:
        if left.is_set():
            raise _LeftError
        made.put(count)

    def work() -> None:
        try:
            made.put(bot.topic_map(bot.topics(None, where, tell)))
        except BaseException as error:  # noqa: BLE001  # raised again where the steps are read
            made.put(error)

    thread = threading.Thread(target=work, name="ragbot-topics", daemon=True)
    thread.start()
    last = Count(0, 0)
    try:
        while True:
            try:
                item = made.get(timeout=_MOMENT)
            except queue.Empty:
                item = last
            if isinstance(item, BaseException):
                raise item
            yield item
            if isinstance(item, TopicMap):
                return
            last = item
    finally:
        left.set()
        thread.join(_ENDING)

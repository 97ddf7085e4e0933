"""A topic map step by step: told how far it is, stopped where nobody waits for it."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

import pytest

from ragbot.bot import RagBot
from ragbot.errors import CorruptError
from ragbot.exploring.collection import Count
from ragbot.exploring.layout import TopicMap
from ragbot.exploring.mapping import map_steps


def test_the_last_step_is_the_map(bot: RagBot) -> None:
    *before, last = map_steps(bot)
    assert isinstance(last, TopicMap)
    assert last.points == bot.topic_map(bot.topics()).points
    assert all(isinstance(step, Count) for step in before)


class Endless:
    """Goes on until it is told to stop."""

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def topics(self, count: int | None = None, where: Any = None, progress: Any = None) -> Any:
        try:
            while True:
                progress(Count(1, 2))
        finally:
            self.stopped.set()

    def topic_map(self, topics: Any) -> Any:
        raise NotImplementedError


def test_leaving_stops_the_work() -> None:
    endless = Endless()
    with closing(map_steps(endless)) as steps:
        assert next(steps) == Count(1, 2)
    assert endless.stopped.is_set()


def test_an_error_is_raised_where_it_is_read(bot: RagBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise CorruptError("a chunk is damaged")

    monkeypatch.setattr(bot, "topics", broken)
    with pytest.raises(CorruptError, match="a chunk is damaged"):
        list(map_steps(bot))

"""Work that outlives the run of a script."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from apps.streamlit_ui.working import Work, Works


def counting(closed: list[bool], begun: threading.Event) -> Generator[int]:
    try:
        for number in range(1_000_000):
            begun.set()
            yield number
    finally:
        closed.append(True)


def test_items_are_there_when_it_is_done() -> None:
    work: Work[int] = Work(lambda _: iter_of(1, 2, 3), about={"question": "?"})
    assert work.wait(10)
    assert (work.items, work.running, work.error, work.about["question"]) == ([1, 2, 3], False, None, "?")


def iter_of(*items: int) -> Generator[int]:
    yield from items


def test_stopping_closes_what_makes_the_items() -> None:
    closed: list[bool] = []
    begun = threading.Event()
    called: list[int] = []
    work: Work[int] = Work(lambda _: counting(closed, begun))
    work.on_stop.append(lambda: called.append(1))
    assert begun.wait(10)
    work.stop(wait=10)
    assert (closed, called, work.running, work.error) == ([True], [1], False, None)


def test_an_error_ends_it_and_is_kept() -> None:
    def failing(_: Work[int]) -> Generator[int]:
        yield 1
        raise ValueError("no")

    work: Work[int] = Work(failing)
    assert work.wait(10)
    assert isinstance(work.error, ValueError) and work.items == [1]


def test_so_many_at_once_and_a_slot_is_free_again() -> None:
    slots = threading.Semaphore(1)
    closed: list[bool] = []
    begun = threading.Event()
    first: Work[int] = Work(lambda _: counting(closed, begun), slots)
    assert begun.wait(10)
    second: Work[int] = Work(lambda _: iter_of(1), slots)
    third: Work[int] = Work(lambda _: iter_of(1), slots)
    assert not second.wait(0.3) and not second.begun
    third.stop(wait=10)
    assert not third.running and third.items == []
    first.stop(wait=10)
    assert second.wait(10) and second.items == [1]
    assert slots.acquire(timeout=1)


def test_one_of_a_name_at_a_time() -> None:
    works = Works()
    closed: list[bool] = []
    begun = threading.Event()
    first = works.begin("a", lambda _: counting(closed, begun))
    assert works.begin("a", lambda _: iter_of(1)) is first
    assert works.get("a") is first and works.get("b") is None
    works.close(wait=10)
    assert not first.running
    assert works.begin("a", lambda _: iter_of(1)) is not first


def test_finished_ones_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.streamlit_ui.working._KEPT", 3)
    works = Works()
    for number in range(10):
        works.begin(str(number), lambda _: iter_of(1)).wait(10)
    assert len(works.all()) <= 4
    assert works.get("9") is not None and works.get("0") is None

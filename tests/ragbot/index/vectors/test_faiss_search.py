"""Searching in shards, on several threads: what is found does not depend on how many there are of either."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from ragbot.index.vectors import faiss_search, faiss_threads
from ragbot.index.vectors.faiss import FaissIndex
from ragbot.index.vectors.faiss_search import CodeSearcher
from ragbot.index.vectors.faiss_threads import together
from ragbot.models.embedders.base import normalized

DIMENSION, COUNT = 16, 3_000
every_kind = pytest.mark.parametrize("codes", [False, True])


def vectors(count: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return normalized(np.random.default_rng(seed).normal(size=(count, DIMENSION)))


QUERIES = vectors(20, seed=99)


def filled(codes: bool) -> FaissIndex:
    index, rows = FaissIndex(DIMENSION, codes=codes), vectors(COUNT)
    for seq, begin in enumerate(range(0, COUNT, 700), 1):
        ids = range(begin, min(begin + 700, COUNT))
        index.apply(seq, [], ids, rows[begin : begin + 700], [("zh", "en")[i % 3 > 0] for i in ids])
        assert index.description  # what is searched is there from the beginning, and grows
    index.apply(10, range(5, 500, 3), [], np.empty((0, DIMENSION), np.float32))
    return index


def shards(index: FaissIndex) -> list[int]:
    return [shard.ntotal for own in index._searcher._shards.values() for shard in own]  # type: ignore[union-attr]


@every_kind
def test_shards_change_nothing(monkeypatch: pytest.MonkeyPatch, codes: bool) -> None:
    whole = filled(codes)
    assert len(shards(whole)) == 2
    monkeypatch.setattr(faiss_search, "EXACT_ROWS", 450)
    monkeypatch.setattr(faiss_search, "CODE_ROWS", 450)
    monkeypatch.setattr(faiss_search, "_WORTH_THREADS", 0)
    monkeypatch.setattr(faiss_threads, "cores", lambda: 3)
    parted = filled(codes)
    assert len(shards(parted)) == 8
    assert max(shards(parted)) <= 450
    assert sum(shards(parted)) == len(parted) == len(whole)
    allowed = np.arange(0, COUNT, 2)
    for query in QUERIES:
        assert parted.top(query, 40).tolist() == whole.top(query, 40).tolist()
        assert parted.nearest(query, 40).tolist() == whole.nearest(query, 40).tolist()
        expected = whole.top(query, 40, allowed).tolist()
        assert all(parted.top(query, 40, allowed).tolist() == expected for _ in range(10))  # however the threads meet
    exact = normalized(np.asarray(vectors(COUNT)))[parted.ids()] @ QUERIES[0]
    assert parted.top(QUERIES[0], 40).tolist() == parted.ids()[np.argsort(-exact)][:40].tolist()


@every_kind
def test_a_shard_that_is_emptied_goes(monkeypatch: pytest.MonkeyPatch, codes: bool) -> None:
    monkeypatch.setattr(faiss_search, "EXACT_ROWS", 450)
    monkeypatch.setattr(faiss_search, "CODE_ROWS", 450)
    index = filled(codes)
    before = len(shards(index))
    index.apply(20, range(1_500), [], np.empty((0, DIMENSION), np.float32))
    assert len(shards(index)) < before
    assert min(index.top(QUERIES[0], 2_000)) >= 1_500
    index.apply(21, range(COUNT), [], np.empty((0, DIMENSION), np.float32))
    assert shards(index) == []
    assert index.top(QUERIES[0], 3).tolist() == []
    index.apply(22, [], [7], vectors(1), ["zh"])
    assert index.top(QUERIES[0], 3).tolist() == [7]


@every_kind
def test_many_searches_at_once(monkeypatch: pytest.MonkeyPatch, codes: bool) -> None:
    monkeypatch.setattr(faiss_search, "_WORTH_THREADS", 0)
    index = filled(codes)
    expected = [index.top(query, 20).tolist() for query in QUERIES]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert [found.tolist() for found in pool.map(lambda query: index.top(query, 20), QUERIES)] == expected


def test_stored_codes_are_parted_in_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_search, "CODE_ROWS", 450)
    index = filled(True)
    assert isinstance(index._searcher, CodeSearcher)
    quantizer, rows = index._searcher.quantizer, vectors(1_000)
    again = CodeSearcher(quantizer)
    again.fill(np.arange(1_000), quantizer.encode(rows), np.zeros(1_000, np.int32))
    assert [shard.ntotal for shard in again._shards[0]] == [450, 450, 100]
    assert 17 in again.candidates(rows[17], 1, None)


def test_tasks_are_answered_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_threads, "cores", lambda: 2)
    both = threading.Barrier(2, timeout=10)

    def task(number: int) -> Callable[[], int]:
        # Each of the first two ends only when the other has begun: two threads are at work.
        return lambda: number if number > 1 else (both.wait(), number)[1]

    assert together([task(number) for number in range(10)]) == list(range(10))
    assert together(list[Callable[[], int]]()) == []


def test_alone_is_in_one_thread() -> None:
    assert set(together([threading.get_ident] * 20, alone=True)) == {threading.get_ident()}


def test_who_is_busy_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_threads, "cores", lambda: 2)
    busy = ThreadPoolExecutor(1)
    monkeypatch.setattr(faiss_threads, "_pool", lambda: busy)
    free = threading.Event()
    busy.submit(free.wait, 30)
    assert set(together([threading.get_ident] * 4)) == {threading.get_ident()}
    free.set()
    busy.shutdown()


def test_an_error_in_a_thread_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_threads, "cores", lambda: 2)
    both = threading.Barrier(2, timeout=10)
    mine = threading.get_ident()

    def task() -> None:
        both.wait()
        if threading.get_ident() != mine:
            raise ValueError("in the other thread")

    with pytest.raises(ValueError, match="in the other thread"):
        together([task, task])

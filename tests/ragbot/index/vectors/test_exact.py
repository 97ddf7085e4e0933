"""Exact search over the catalog's embeddings, with a memory that forgets the oldest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ragbot.index.vectors import exact
from ragbot.index.vectors.exact import GONE, ExactSearch

DIMENSION = 8


class Embeddings:
    """What a catalog gives, and how often it was asked."""

    def __init__(self, count: int) -> None:
        self.rows = np.random.default_rng(1).normal(size=(count, DIMENSION)).astype(np.float32)
        self.asked: list[int] = []

    def vectors_of(self, ids: Any) -> tuple[Any, Any]:
        self.asked += ids
        found = sorted(identity for identity in ids if identity < len(self.rows))
        return np.array(found, np.int64), self.rows[found] if found else np.empty((0, 0), np.float32)


def search(count: int) -> tuple[Embeddings, ExactSearch]:
    made = Embeddings(count)
    return made, ExactSearch(made, DIMENSION)  # type: ignore[arg-type]


def test_the_best_of_these() -> None:
    truth, found = search(200)
    query = truth.rows[7]
    ids = np.array([3, 190, 7, 50, 1000, 12])
    scores = found.scores(query, ids)
    np.testing.assert_allclose(scores[[0, 1, 2, 3, 5]], truth.rows[[3, 190, 7, 50, 12]] @ query, rtol=1e-5)
    assert scores[4] == GONE
    best = sorted([3, 190, 7, 50, 12], key=lambda i: -float(truth.rows[i] @ query))
    assert found.top(query, 3, ids).tolist() == best[:3]
    assert found.top(query, 99, ids).tolist() == best
    assert found.top(query, 3, ids[4:5]).tolist() == []


def test_what_is_kept_is_not_read_again() -> None:
    truth, found = search(100)
    ids = np.arange(50)
    found.scores(truth.rows[0], ids)
    assert len(truth.asked) == 50
    np.testing.assert_allclose(found.scores(truth.rows[0], ids), truth.rows[:50] @ truth.rows[0], rtol=1e-4, atol=1e-5)
    assert len(truth.asked) == 50


def test_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "_CACHE", 10 * 4 * DIMENSION)
    monkeypatch.setattr(exact, "BATCH", 16)
    truth, found = search(300)
    rng = np.random.default_rng(0)
    for _ in range(60):
        ids = rng.permutation(300)[: rng.integers(1, 60)]
        np.testing.assert_allclose(
            found.scores(truth.rows[1], ids), truth.rows[ids] @ truth.rows[1], rtol=1e-4, atol=1e-5
        )
    assert len(found._kept) <= 10 and len(found._place) <= 10


def test_one_that_comes_again_under_its_id() -> None:
    truth, found = search(3)
    found.keep([1], truth.rows[:1])
    found.keep([1], truth.rows[2:3])
    assert found.rows(np.array([1]))[1].tolist() == truth.rows[2:3].tolist()

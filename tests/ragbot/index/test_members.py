"""Ids, groups and moments of a vector index: after any history what a fresh count of the vectors gives."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbot.index.vectors.members import SMALLEST_GROUP, Members
from ragbot.models.embedders.base import normalized

DIMENSION = 6
QUERY = normalized(np.random.default_rng(1).normal(size=(1, DIMENSION)))[0]


def vectors(count: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return normalized(np.random.default_rng(seed).normal(size=(count, DIMENSION)))


def check(members: Members, stored: dict[int, tuple[str, Any]]) -> None:
    ids = np.array(sorted(stored), np.int64)
    assert members.ids.tolist() == ids.tolist()
    assert len(members) == len(ids)
    names = np.array([stored[i][0] for i in ids.tolist()])
    products = np.array([stored[i][1] for i in ids.tolist()], np.float32).reshape(-1, DIMENSION) @ QUERY
    whole = (products.mean(), products.std()) if len(ids) else (0.0, 0.0)
    assert members.moments(QUERY) == pytest.approx(whole, abs=1e-5)
    large = {name for name in names.tolist() if (names == name).sum() >= SMALLEST_GROUP}
    assert {name: found.tolist() for name, found in members.large().items()} == {
        name: ids[names == name].tolist() for name in large
    }
    wanted = np.concatenate([ids[::-1], [-5, 10**12]]).astype(np.int64)
    assert members.holds(wanted).tolist() == [True] * len(ids) + [False] * 2
    means, deviations = members.scales(QUERY, wanted)
    for at, name in enumerate([*names[::-1].tolist(), None, None]):
        part = products[names == name] if name in large else products
        expected = (part.mean(), part.std()) if len(part) else (0.0, 0.0)
        assert (means[at], deviations[at]) == pytest.approx(expected, abs=1e-4)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 30), st.lists(st.integers(0, 200), max_size=12), st.booleans()), max_size=6))
def test_any_history(history: list[tuple[int, list[int], bool]]) -> None:
    members, stored = Members(DIMENSION), dict[int, tuple[str, Any]]()
    rng = np.random.default_rng(7)
    for seed, (count, picks, with_vectors) in enumerate(history):
        gone = sorted({sorted(stored)[pick % len(stored)] for pick in picks if stored})
        rows = [stored.pop(i)[1] for i in gone]
        # One that is not held is passed over, whatever stands for its vector.
        matrix = np.array([*rows, QUERY * 9], np.float32)
        members.remove(np.array([*gone, -1], np.int64), matrix if with_vectors else None)
        free = [i for i in rng.permutation(300).tolist() if i not in stored][:count]
        names = [("zh", "en", "中文")[i % 3] for i in free]
        fresh = vectors(count, seed)
        members.add(free, names, fresh)
        stored.update({i: (name, row) for i, name, row in zip(free, names, fresh, strict=True)})
        if not members.exact:
            with pytest.raises(ValueError, match="recount"):
                members.stored()
            ids = np.array([*stored, 999], np.int64)
            members.recount([(ids, np.array([*(row for _, row in stored.values()), QUERY], np.float32))])
        metadata, arrays = members.stored()
        members = Members.restored(json.loads(json.dumps(metadata)), arrays, DIMENSION)
    check(members, stored)


def test_what_is_held_is_not_added_again() -> None:
    members = Members(DIMENSION)
    members.add([3, 1], [], vectors(2))
    for ids in ([2, 3], [4, 4]):
        with pytest.raises(ValueError, match="already"):
            members.add(ids, [], vectors(2))
    with pytest.raises(ValueError, match="3 ids came with 0 groups and 2 vectors"):
        members.add([5, 6, 7], [], vectors(2))
    with pytest.raises(ValueError, match="1 ids came with 2 vectors"):
        members.remove([1], vectors(2))
    assert members.ids.tolist() == [1, 3]
    check(members, dict(zip([3, 1], (("", row) for row in vectors(2)), strict=True)))


def test_a_recount_of_too_few_changes_nothing() -> None:
    members, rows = Members(DIMENSION), vectors(30)
    members.add(range(30), [], rows)
    before = members.moments(QUERY)
    with pytest.raises(ValueError, match="30 vectors were to be made from 29"):
        members.recount([(np.arange(29), rows[:29])])
    assert members.moments(QUERY) == before


def test_nothing_remains_of_a_group_that_was_emptied() -> None:
    members, rows = Members(DIMENSION), vectors(7)
    members.add(range(7), ["zh"] * 7, rows)
    members.remove(range(7), rows[:])
    assert not members.stored()[1]["outers"].any()
    assert members.moments(QUERY) == (0.0, 0.0)


def test_a_million_ids_are_small() -> None:
    members, count = Members(2), 1_000_000
    ids, names, rows = np.arange(count), ["zh", "en"] * (count // 2), np.ones((count, 2), np.float32)
    tracemalloc.start()
    try:
        members.add(ids, names, rows)
        members.large()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 30_000_000

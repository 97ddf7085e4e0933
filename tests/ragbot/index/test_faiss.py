"""The contract of a vector index, run over FAISS: exact nearest, exact moments, damaged files not trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbot.index.vectors.faiss import FILE_NAME, FaissIndex
from ragbot.models.embedders.base import normalized

DIMENSION = 12


def vectors(count: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return normalized(np.random.default_rng(seed).normal(size=(count, DIMENSION)))


QUERY = vectors(1, seed=99)[0]


def check(index: FaissIndex, stored: dict[int, np.ndarray[Any, Any]]) -> None:
    """Everything the contract promises, against NumPy."""
    ids = np.array(sorted(stored), np.int64)
    matrix = np.array([stored[i] for i in ids], np.float32).reshape(-1, DIMENSION)
    products = matrix @ QUERY
    assert len(index) == len(ids)
    best = ids[np.lexsort((ids, -products))]
    for k in (1, 4, len(ids) + 3):
        assert index.top(QUERY, k).tolist() == best[:k].tolist()
    np.testing.assert_allclose(index.of(QUERY, ids), products, rtol=1e-5, atol=1e-6)
    mean, deviation = index.moments(QUERY)
    assert mean == pytest.approx(products.mean() if len(ids) else 0.0, abs=1e-6)
    assert deviation == pytest.approx(products.std() if len(ids) else 0.0, abs=1e-5)
    for allowed in (ids[::2], ids[:1], np.empty(0, np.int64)):
        expected = [i for i in best.tolist() if i in set(allowed.tolist())]
        assert index.top(QUERY, 5, allowed).tolist() == expected[:5]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.lists(st.integers(0, 50), max_size=3), st.integers(0, 4)), max_size=8))
def test_any_history(tmp_path_factory: pytest.TempPathFactory, history: list[tuple[list[int], int]]) -> None:
    index, stored, last = FaissIndex(DIMENSION), dict[int, Any](), 0
    for seq, (picks, count) in enumerate(history, 1):
        removed = [sorted(stored)[pick % len(stored)] for pick in picks if stored]
        added = list(range(last + 1, last + 1 + count))
        last += count
        rows = vectors(count, seed=seq)
        for identity in removed:
            stored.pop(identity, None)
        stored.update(zip(added, rows, strict=True))
        index.apply(seq, removed, added, rows)
        index.apply(seq, removed, added, rows)  # twice is harmless
        assert index.seq == seq
    check(index, stored)
    folder = tmp_path_factory.mktemp("faiss")
    index.save(folder)
    loaded = FaissIndex.load(folder, DIMENSION, index.seq)
    assert loaded.seq == index.seq
    check(loaded, stored)


def filled(count: int = 20) -> tuple[FaissIndex, dict[int, Any]]:
    index, rows = FaissIndex(DIMENSION), vectors(count)
    index.apply(3, [], list(range(1, count + 1)), rows)
    return index, dict(zip(range(1, count + 1), rows, strict=True))


def test_changes_after_loading(tmp_path: Path) -> None:
    index, stored = filled()
    index.save(tmp_path)
    loaded = FaissIndex.load(tmp_path, DIMENSION, 3)
    more = vectors(3, seed=5)
    loaded.apply(4, [2, 3, 77], [30, 31, 32], more)
    del stored[2], stored[3]
    stored.update(zip([30, 31, 32], more, strict=True))
    check(loaded, stored)


def test_equal_vectors_come_in_the_order_of_their_ids() -> None:
    index, row = FaissIndex(DIMENSION), vectors(1)
    index.apply(1, [], [1, 2, 3, 4], np.repeat(row, 4, axis=0))
    index.apply(2, [2], [5], row)
    assert index.top(row[0], 4).tolist() == [1, 3, 4, 5]
    assert index.top(row[0], 3).tolist() == sorted(index.top(row[0], 3))


def test_moments_do_not_drift() -> None:
    index = FaissIndex(DIMENSION)
    stored: dict[int, Any] = {}
    for step in range(300):
        rows = vectors(5, seed=step)
        gone = sorted(stored)[:4] if len(stored) > 40 else []
        added = list(range(step * 5 + 1, step * 5 + 6))
        for identity in gone:
            del stored[identity]
        stored.update(zip(added, rows, strict=True))
        index.apply(step + 1, gone, added, rows)
    check(index, stored)


def test_allowed_need_not_be_stored() -> None:
    index, _ = filled()
    assert index.top(QUERY, 5, np.array([500, 2, 1_000_000], np.int64)).tolist() == [2]


def test_another_dimension_catalog_or_future(tmp_path: Path) -> None:
    index, _ = filled()
    index.save(tmp_path, "one")
    assert FaissIndex.load(tmp_path, DIMENSION, 3, "one").seq == 3
    assert FaissIndex.load(tmp_path, DIMENSION + 1, 3, "one").seq == 0
    assert FaissIndex.load(tmp_path, DIMENSION, 2, "one").seq == 0
    assert FaissIndex.load(tmp_path, DIMENSION, 3, "another").seq == 0
    assert FaissIndex.load(tmp_path / "nowhere", DIMENSION, 3).seq == 0


@pytest.mark.parametrize("damage", ["cut", "zeroed tail", "bit", "emptied", "replaced"])
def test_damaged_files_are_not_trusted(tmp_path: Path, damage: str) -> None:
    index, _ = filled()
    index.save(tmp_path)
    path = tmp_path / FILE_NAME
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 4
    path.write_bytes(
        {
            "cut": whole[: len(whole) // 2],
            "zeroed tail": whole[:-512] + bytes(512),
            "bit": bytes(flipped),
            "emptied": b"",
            "replaced": b"something else" * 100,
        }[damage]
    )
    loaded = FaissIndex.load(tmp_path, DIMENSION, 3)
    assert (loaded.seq, len(loaded)) == (0, 0)


def test_groups_have_statistics_of_their_own(tmp_path: Path) -> None:
    centre = vectors(1, 5)
    rows = normalized(np.concatenate([vectors(40, 6) * 0.2 + centre, vectors(40, 7), vectors(3, 8)]))
    names = ["zh"] * 40 + ["en"] * 40 + ["de"] * 3
    index = FaissIndex(rows.shape[1])
    index.apply(1, [], list(range(83)), rows, names)
    index.apply(2, [0, 41], [], rows[:0])
    index.save(tmp_path)
    query = centre[0]
    for found in (index, FaissIndex.load(tmp_path, rows.shape[1], 2)):
        ids = np.array([5, 45, 82, 6])
        means, deviations = found.scales(query, ids)
        kept = [i for i in range(83) if i not in {0, 41}]
        for at, members in enumerate(
            (list(range(1, 40)), [i for i in range(40, 80) if i != 41], kept, list(range(1, 40)))
        ):
            scores = rows[members] @ query
            assert means[at] == pytest.approx(scores.mean(), abs=1e-5)
            assert deviations[at] == pytest.approx(scores.std(), abs=1e-4)
        # The three nearest of all are of the first group; the best of the second are candidates as well.
        nearest = found.nearest(query, 3)
        best = sorted(set(range(40, 80)) - {41}, key=lambda i: -(rows[i] @ query))[:3]
        assert set(found.top(query, 3).tolist()) | set(best) == set(nearest.tolist())
        allowed = np.array([1, 2, best[1], best[2], 82])
        assert set(found.nearest(query, 2, allowed).tolist()) >= {best[1], best[2]}

"""The FAISS index in every kind: what it finds, what lies on the disk, and what happens when that is damaged."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbot.errors import CorruptError
from ragbot.index.container import read_container, write_container
from ragbot.index.segment import Ints
from ragbot.index.vectors import faiss_part, faiss_parts
from ragbot.index.vectors.faiss import FILE_NAME, KIND, FaissIndex
from ragbot.index.vectors.faiss_check import describe, read_whole
from ragbot.index.vectors.faiss_quantizer import CODES_FROM, Quantizer, coded
from ragbot.models.embedders.base import normalized

DIMENSION = 16
KINDS = {False: "flat", True: "pq8x4"}
every_kind = pytest.mark.parametrize("codes", KINDS)


def vectors(count: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return normalized(np.random.default_rng(seed).normal(size=(count, DIMENSION)))


QUERY = vectors(1, seed=99)[0]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of few rows, so that some hundred vectors make many."""
    monkeypatch.setattr(faiss_parts, "PART_ROWS", 32)
    monkeypatch.setattr(faiss_part, "PART_ROWS", 32)


def languages(ids: Iterable[int]) -> list[str]:
    return [("zh", "en", "de")[min(i % 7, 2)] for i in ids]


def filled(count: int, codes: bool | None) -> tuple[FaissIndex, dict[int, Any]]:
    index, rows = FaissIndex(DIMENSION, codes=codes), vectors(count)
    for begin in range(0, count, 50):
        ids = range(begin, min(begin + 50, count))
        index.apply(begin + 1, [], ids, rows[begin : begin + 50], languages(ids))
    return index, dict(enumerate(rows))


def check(index: FaissIndex, stored: dict[int, Any]) -> None:
    """So few are all compared, whatever the kind: the results are exact."""
    ids = np.array(sorted(stored), np.int64)
    assert index.ids().tolist() == ids.tolist()
    scores = np.array([stored[i] for i in ids.tolist()], np.float32).reshape(-1, DIMENSION) @ QUERY
    best = ids[np.lexsort((ids, -scores))]
    names = np.array(languages(best.tolist()))
    for allowed in (None, ids[ids % 3 > 0], ids[:5]):
        kept = np.ones(len(best), bool) if allowed is None else np.isin(best, allowed)
        assert index.top(QUERY, 7, allowed).tolist() == best[kept][:7].tolist()
        groups = [best[kept & (names == name)][:7] for name in ("zh", "en", "de") if (names == name).sum() >= 20]
        expected = np.unique(np.concatenate([best[kept][:7], *(groups if len(groups) > 1 else [])]))
        assert sorted(index.nearest(QUERY, 7, allowed).tolist()) == expected.tolist()
    np.testing.assert_allclose(index.of(QUERY, ids[::-1]), scores[::-1], rtol=1e-5, atol=1e-6)
    assert index.moments(QUERY)[0] == pytest.approx(scores.mean() if len(ids) else 0.0, abs=1e-6)


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@every_kind
def test_saved_loaded_changed_and_saved(tmp_path: Path, codes: bool) -> None:
    index, stored = filled(230, codes)
    check(index, stored)
    index.save(tmp_path, "one")
    check(index, stored)
    assert index.description == describe(tmp_path) == KINDS[codes]
    for step in range(3):
        index = FaissIndex.load(tmp_path, DIMENSION, 10_000, "one", codes=codes)
        assert index.seq > 200
        check(index, stored)
        fresh, rows = range(1000 + 10 * step, 1010 + 10 * step), vectors(10, step + 5)
        gone = [step, 50 + 30 * step, 229 - step]
        index.apply(1000 + step, gone, fresh, rows, languages(fresh))
        for identity in gone:
            del stored[identity]
        stored.update(zip(fresh, rows, strict=True))
        check(index, stored)
        index.save(tmp_path, "one")
        metadata, ids = read_whole(tmp_path, "one")
        assert (metadata["seq"], ids.tolist()) == (1000 + step, sorted(stored))


@every_kind
@settings(max_examples=12)
@given(
    history=st.lists(
        st.tuples(st.lists(st.integers(0, 90), max_size=9), st.integers(0, 40), st.integers(0, 2)), max_size=6
    )
)
def test_any_history(tmp_path_factory: pytest.TempPathFactory, codes: bool, history: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("parts")
    index, stored = FaissIndex(DIMENSION, codes=codes), dict[int, Any]()
    for seq, (picks, count, action) in enumerate(history, 1):
        gone = sorted({sorted(stored)[pick % len(stored)] for pick in picks if stored})
        added = np.random.default_rng(seq).permutation(99)[:count].tolist()  # out of order, some of them held
        rows = vectors(count, seed=seq)
        for identity in gone:
            stored.pop(identity)
        stored.update(zip(added, rows, strict=True))
        index.apply(seq, gone, added, rows, languages(added))
        if action:
            index.save(folder)
        if action == 2:
            index = FaissIndex.load(folder, DIMENSION, seq, codes=codes)
            assert index.seq == seq
    check(index, stored)


@every_kind
def test_a_save_writes_what_is_new(tmp_path: Path, codes: bool) -> None:
    index, _ = filled(230, codes)
    index.save(tmp_path)
    before = files(tmp_path)
    index.save(tmp_path)
    assert files(tmp_path) == before
    index.apply(500, [], [500], vectors(1, 3))
    index.save(tmp_path)
    assert before < files(tmp_path)
    assert len(files(tmp_path) - before) == 2  # a part of one row: its container and its row
    index.apply(501, [40], [], vectors(0))
    index.save(tmp_path)
    assert len(before - files(tmp_path)) == 2  # one part was written again, without the row


def test_small_parts_are_merged(tmp_path: Path) -> None:
    index, stored = FaissIndex(DIMENSION), dict[int, Any]()
    for number in range(60):
        row = vectors(1, number)
        index.apply(number + 1, [], [number], row, languages([number]))
        stored[number] = row[0]
        index.save(tmp_path)
        assert len(files(tmp_path)) <= 1 + 2 * (faiss_parts.MAX_SMALL + 3)
    check(FaissIndex.load(tmp_path, DIMENSION, 60), stored)


@every_kind
def test_what_was_removed_is_in_no_file(tmp_path: Path, codes: bool) -> None:
    index, stored = filled(230, codes)
    index.save(tmp_path)
    secret = stored[41].tobytes()
    assert any(secret in path.read_bytes() for path in tmp_path.iterdir())
    index = FaissIndex.load(tmp_path, DIMENSION, 1000, codes=codes)
    index.apply(300, [41], [], vectors(0))
    index.save(tmp_path)
    assert not [path.name for path in tmp_path.iterdir() if secret in path.read_bytes()]
    assert not [path.name for path in tmp_path.iterdir() if secret[:16] in path.read_bytes()]


@every_kind
def test_the_same_vectors_give_the_same_index(tmp_path: Path, codes: bool) -> None:
    saved = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        filled(230, codes)[0].save(tmp_path / name)
        metadata, _ = read_container(tmp_path / name / FILE_NAME, KIND)
        for part in metadata["parts"]:
            arrays = read_container(tmp_path / name / part, faiss_part.KIND)[1]
            saved.append({key: array.tolist() for key, array in arrays.items()})  # the names of the files are random
    assert len(saved) > 10
    assert saved[: len(saved) // 2] == saved[len(saved) // 2 :]


@every_kind
@pytest.mark.parametrize("damage", ["bit", "cut", "gone"])
def test_a_damaged_file_is_never_used(tmp_path: Path, codes: bool, damage: str) -> None:
    index, _ = filled(100, codes)
    index.save(tmp_path, "one")
    for path in sorted(tmp_path.glob("vectors*")):
        whole = path.read_bytes()
        if damage == "gone":
            path.unlink()
        else:
            flipped = bytearray(whole)
            flipped[len(whole) * 2 // 3] ^= 8
            path.write_bytes(flipped if damage == "bit" else whole[: len(whole) * 2 // 3])
        with pytest.raises((CorruptError, FileNotFoundError)):
            read_whole(tmp_path, "one")
        found = FaissIndex.load(tmp_path, DIMENSION, 1000, "one", codes=codes)
        if damage == "bit" and codes and ".rows." in path.name:  # rows are compared when they are read
            with pytest.raises(CorruptError, match=r"1 vectors in .* are damaged.*kb repair"):
                found.of(QUERY, found.ids())
        else:
            assert (len(found), found.seq) == (0, 0)
        path.write_bytes(whole)
    assert FaissIndex.load(tmp_path, DIMENSION, 1000, "one", codes=codes).seq == index.seq


def flip_row(folder: Path, stored: dict[int, Any], identity: int) -> None:
    """One bit of the stored vector of this id."""
    for path in folder.glob("*.rows.ragbot"):
        data = bytearray(path.read_bytes())
        at = data.find(stored[identity].tobytes())
        if at >= 0:
            data[at + 6] ^= 64
            path.write_bytes(data)
            return
    raise AssertionError(f"{identity} is in no file")


def test_a_damaged_row_is_read_from_the_catalog_and_stored_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    index, stored = filled(230, True)
    index.save(tmp_path)
    flip_row(tmp_path, stored, 77)
    asked: list[int] = []

    def truth(ids: Iterable[int]) -> tuple[Ints, Any]:
        asked.extend(ids)
        found = sorted(i for i in asked if i in stored)
        return np.array(found, np.int64), np.array([stored[i] for i in found], np.float32)

    loaded = FaissIndex.load(tmp_path, DIMENSION, 1000, truth=truth, codes=True)
    with caplog.at_level(logging.WARNING):
        check(loaded, stored)
    assert set(asked) == {77}
    assert "read from the catalog" in caplog.text
    loaded.save(tmp_path)
    assert len(read_whole(tmp_path, "")[1]) == 230
    check(FaissIndex.load(tmp_path, DIMENSION, 1000, codes=True), stored)


def test_a_damaged_row_of_a_chunk_that_is_gone(tmp_path: Path) -> None:
    """Its share of the moments cannot be taken out: they are counted again."""
    index, stored = filled(230, True)
    index.save(tmp_path)
    flip_row(tmp_path, stored, 77)
    loaded = FaissIndex.load(tmp_path, DIMENSION, 1000, codes=True)
    loaded.apply(500, [77], [], vectors(0))
    del stored[77]
    check(loaded, stored)
    loaded.save(tmp_path)
    check(FaissIndex.load(tmp_path, DIMENSION, 1000, codes=True), stored)


def test_an_index_of_an_older_kind_is_made_again(tmp_path: Path) -> None:
    write_container(tmp_path / FILE_NAME, "faiss-by-group", {"seq": 3, "catalog": "", "dimension": DIMENSION}, {})
    assert FaissIndex.load(tmp_path, DIMENSION, 3).seq == 0
    index, stored = filled(60, None)
    index.save(tmp_path)
    check(FaissIndex.load(tmp_path, DIMENSION, 1000), stored)


def test_the_kind_follows_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragbot.index.vectors.faiss_quantizer.CODES_FROM", 50)
    index, stored = FaissIndex(DIMENSION), dict[int, Any]()
    kinds = []
    for begin in range(0, 160, 20):
        rows, ids = vectors(20, begin + 1), range(begin, begin + 20)
        index.apply(begin + 1, [], ids, rows, languages(ids))
        stored.update(zip(ids, rows, strict=True))
        index.save(tmp_path)
        kinds.append(index.description)
        check(index, stored)
        index = FaissIndex.load(tmp_path, DIMENSION, 1000)
        check(index, stored)
    assert kinds == ["flat"] * 2 + ["pq8x4"] * 6
    for seq, size in ((500, 64), (501, 26), (502, 24)):  # down only far below the bound: no back and forth
        gone = sorted(stored)[size:]
        for identity in gone:
            del stored[identity]
        index.apply(seq, gone, [], vectors(0))
        index.save(tmp_path)
        kinds.append(index.description)
        check(index, stored)
    assert kinds[8:] == ["pq8x4", "pq8x4", "flat"]


def test_codes_come_and_go_at_different_sizes() -> None:
    assert (coded(CODES_FROM - 1), coded(CODES_FROM)) == (False, True)
    assert (coded(CODES_FROM // 2 - 1, True), coded(CODES_FROM // 2, True)) == (False, True)
    assert not coded(CODES_FROM - 1, False)


def clustered(count: int) -> tuple[Any, list[str]]:
    """Vectors around some centres, those of the second half of the list far from those of the first."""
    rng = np.random.default_rng(5)
    centres = np.repeat(vectors(12, 6), count // 12, axis=0)
    rows = normalized(centres + 0.3 * rng.normal(size=(len(centres), DIMENSION)))
    return rows, ["en"] * (len(rows) // 2) + ["zh"] * (len(rows) - len(rows) // 2)


def test_the_nearest_are_among_the_candidates_of_all_each_group_and_a_filter() -> None:
    """More than are compared exactly, so that the codes choose."""
    rows, names = clustered(6_000)
    index = FaissIndex(DIMENSION, codes=True)
    index.apply(1, [], range(3_000), rows[:3_000], names[:3_000])
    index.nearest(QUERY, 1)  # from here on, what comes is added to what is searched
    index.apply(2, range(5), range(3_000, 6_000), rows[3_000:], names[3_000:])
    missed = 0
    for query in rows[5::500]:
        scores = rows @ query
        scores[:5] = -2
        found = index.nearest(query, 10)
        for members in (np.arange(6_000), np.arange(3_000), np.arange(3_000, 6_000)):
            missed += 10 - np.isin(members[np.argsort(-scores[members])[:10]], found).sum()
        allowed = np.arange(1, 6_000, 2)
        missed += 10 - np.isin(allowed[np.argsort(-scores[allowed])[:10]], index.top(query, 10, allowed)).sum()
        assert not set(range(5)) & set(found.tolist())
        assert (index.top(query, 10, allowed) % 2 == 1).all()
    assert missed <= 0.02 * 12 * 40


def test_an_index_with_codes_of_another_kind_gets_its_own(tmp_path: Path) -> None:
    index, stored = filled(230, True)
    index.save(tmp_path, "one")
    metadata, arrays = read_container(tmp_path / FILE_NAME, KIND)
    del metadata["codes"]  # as before there were these
    write_container(tmp_path / FILE_NAME, KIND, metadata, arrays)
    (tmp_path / str(metadata["quantizer"])).unlink()
    loaded = FaissIndex.load(tmp_path, DIMENSION, 1000, "one", codes=True)
    assert loaded.seq == index.seq
    check(loaded, stored)
    loaded.save(tmp_path, "one")
    assert read_whole(tmp_path, "one")[1].tolist() == sorted(stored)
    check(FaissIndex.load(tmp_path, DIMENSION, 1000, "one", codes=True), stored)


@pytest.mark.parametrize("dimension", [16, 15, 2, 1])
def test_codes_are_close_to_the_vectors(dimension: int) -> None:
    rows = normalized(np.random.default_rng(0).normal(size=(500, dimension)))
    quantizer = Quantizer.train(rows)
    codes = quantizer.encode(rows)
    assert codes.nbytes == len(rows) * -(-quantizer.parts // 2)
    parts = np.stack([codes & 15, codes >> 4], axis=2).reshape(len(rows), -1)[:, : quantizer.parts]
    decoded = quantizer.centroids[np.arange(quantizer.parts), parts].reshape(len(rows), dimension)
    assert np.square(decoded - rows).sum(axis=1).mean() < 0.12


@pytest.mark.parametrize("count", [1, 3, 20])
def test_a_few_vectors_can_have_codes(count: int, capfd: pytest.CaptureFixture[str]) -> None:
    index, stored = filled(count, True)
    check(index, stored)
    assert capfd.readouterr() == ("", "")  # FAISS warns of few vectors there

"""Segments: postings that can be merged, thinned out, stored and found again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.errors import CorruptError
from ragbot.index.segment import Segment, Terms

DOCUMENTS = st.lists(st.lists(st.sampled_from(["a", "b", "ab", "中", "中文", "\ud800", "z"]), max_size=6), max_size=8)


def postings(segment: Segment, number: int) -> tuple[list[int], list[int]]:
    rows, kinds = segment.postings(number)
    counts, lengths = segment.pairs()
    assert lengths[kinds].tolist() == segment.lengths[rows].tolist()
    return rows.tolist(), counts[kinds].tolist()


def content(segment: Segment) -> dict[int, Counter[str]]:
    """The terms of each chunk, gathered from the postings."""
    found: dict[int, Counter[str]] = {int(identity): Counter() for identity in segment.ids}
    for index in range(len(segment._offsets) - 1):
        term = segment._term(index).decode("utf-8", "surrogatepass")
        rows, counts = postings(segment, index)
        assert len(rows), "a term that no chunk holds"
        for row, count in zip(rows, counts, strict=True):
            found[int(segment.ids[row])][term] = int(count)
    return found


def expected(ids: range, documents: list[list[str]]) -> dict[int, Counter[str]]:
    return dict(zip(ids, map(Counter, documents), strict=True))


@given(DOCUMENTS)
def test_build(documents: list[list[str]]) -> None:
    ids = range(10, 10 + len(documents))
    segment = Segment.build(ids, documents)
    assert content(segment) == expected(ids, documents)
    assert segment.lengths.tolist() == [len(words) for words in documents]
    assert segment.find(Terms.of(["nowhere", ""])) == [-1, -1]
    words = [word for words in documents for word in words]
    for word, number in zip(words, segment.find(Terms.of(words)), strict=True):
        assert segment._term(number) == word.encode("utf-8", "surrogatepass")


@given(st.lists(DOCUMENTS, min_size=1, max_size=3), st.data())
def test_merged_and_thinned_out_is_as_built_from_what_stays(parts: list[list[list[str]]], data: st.DataObject) -> None:
    segments, alive, ids, documents, first = [], [], [], [], 1
    for part in parts:
        numbers = range(first, first + len(part))
        first += len(part)
        keep = data.draw(st.lists(st.booleans(), min_size=len(part), max_size=len(part)))
        segments.append(Segment.build(numbers, part))
        alive.append(np.array(keep, bool))
        ids += [number for number, stays in zip(numbers, keep, strict=True) if stays]
        documents += [words for words, stays in zip(part, keep, strict=True) if stays]
    fresh = Segment.build(ids, documents)
    merged = Segment.merge(segments, alive)
    thinned = Segment.merge(
        [segment.kept(keep) for segment, keep in zip(segments, alive, strict=True)],
        [np.ones(int(keep.sum()), bool) for keep in alive],
    )
    for other in (merged, thinned):
        for name, array in fresh._arrays.items():
            np.testing.assert_array_equal(other._arrays[name], array, name)
            assert other._arrays[name].dtype == array.dtype, name


@given(DOCUMENTS)
def test_stored_and_read(tmp_path_factory: pytest.TempPathFactory, documents: list[list[str]]) -> None:
    path = tmp_path_factory.getbasetemp() / "one.ragbot"
    segment = Segment.build(range(len(documents)), documents)
    segment.write(path)
    assert content(Segment.read(path)) == content(segment)


def test_counts_that_do_not_fit_are_held_at_the_largest() -> None:
    assert postings(Segment.build([1], [["a"] * 70_000]), 0) == ([0], [65_535])


def test_terms_of_equal_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragbot.index.segment.xxhash.xxh3_64_intdigest", lambda term: 7)
    one, two = Segment.build([1], [["a", "bcd", "中"]]), Segment.build([2], [["bcd", "ef", "ef"]])
    assert one.find(Terms.of(["nowhere"])) == [-1]
    merged = Segment.merge([one, two], [np.ones(1, bool)] * 2)
    assert content(merged)[2] == {"bcd": 1, "ef": 2}
    assert content(one) == {1: {"a": 1, "bcd": 1, "中": 1}}


def test_more_kinds_of_postings_than_a_small_number_tells_apart() -> None:
    documents = [[word for i in range(count) for word in [str(i)] * (i + 1)] for count in range(1, 400)]
    segment = Segment.build(range(len(documents)), documents)
    assert segment._kinds.dtype == np.uint32
    assert content(segment) == expected(range(len(documents)), documents)
    keep = np.arange(len(documents)) < 20
    assert segment.kept(keep)._kinds.dtype == np.uint16
    assert content(segment.kept(keep)) == expected(range(20), documents[:20])


def test_damaged(tmp_path: Path) -> None:
    Segment.build([1], [["a"]]).write(tmp_path / "s")
    (tmp_path / "s").write_bytes((tmp_path / "s").read_bytes()[:-1])
    with pytest.raises(CorruptError):
        Segment.read(tmp_path / "s")

"""Segments: postings that can be merged, thinned out, stored and found again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.errors import CorruptError
from ragbot.index.segment import Segment

DOCUMENTS = st.lists(st.lists(st.sampled_from(["a", "b", "ab", "中", "中文", "\ud800", "z"]), max_size=6), max_size=8)


def content(segment: Segment) -> dict[int, Counter[str]]:
    """The terms of each chunk, gathered from the postings."""
    found: dict[int, Counter[str]] = {int(identity): Counter() for identity in segment.ids}
    for index in range(len(segment._offsets) - 1):
        term = segment._term(index).decode("utf-8", "surrogatepass")
        rows, counts = segment._at(index)
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
    assert segment.postings("nowhere") is None
    assert segment.postings("") is None
    for words in documents:
        for word in words:
            assert segment.postings(word) is not None


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
    rows, counts = Segment.build([1], [["a"] * 70_000]).postings("a") or ([], [])
    assert (list(rows), list(counts)) == ([0], [65_535])


def test_damaged(tmp_path: Path) -> None:
    Segment.build([1], [["a"]]).write(tmp_path / "s")
    (tmp_path / "s").write_bytes((tmp_path / "s").read_bytes()[:-1])
    with pytest.raises(CorruptError):
        Segment.read(tmp_path / "s")

"""Hits whose chunks have parents: read whole where enough of a parent is found, and never beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.documents import Chunk, ParsedDocument, ScoredChunk
from ragbot.index.catalog import Catalog
from ragbot.index.filters import Filter
from ragbot.index.records import FileState, NewChunk
from ragbot.retrieval.expand import expand


def store(catalog: Catalog, source: str, *families: int, orphans: int = 0) -> None:
    """A document whose parents have so many chunks ``s0``, ``s1``, …, and after them some without a parent."""
    parts = [f"{source}{number}" for number in range(sum(families) + orphans)]
    text = "\n\n".join(parts)
    spans = [(text.index(part), text.index(part) + len(part)) for part in parts]
    parents: list[tuple[int, int] | None] = []
    for size in families:
        own = spans[len(parents) : len(parents) + size]
        parents += [(own[0][0], own[-1][1])] * size
    parents += [None] * orphans
    chunks = [NewChunk(*span, None, (), "", b"h", parent) for span, parent in zip(spans, parents, strict=True)]
    catalog.put_document(source, ParsedDocument(text), FileState("h"), chunks, np.ones((len(parts), 2), np.float32))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path_factory.mktemp("parents") / "catalog.sqlite3")
    store(catalog, "a", 4, 5, 1, orphans=3)  # a0-a3, a4-a8, a9 by itself, a10-a12 without
    store(catalog, "文", 4, 2)
    store(catalog, "c", 8)
    yield catalog
    catalog.close()


def hits(catalog: Catalog, *names: str) -> list[ScoredChunk]:
    chunks: dict[str, Chunk] = {c.text: c for c in catalog.chunks(catalog.chunk_ids(Filter()).tolist()).values()}
    return [ScoredChunk(chunks[name], 1 / (rank + 1)) for rank, name in enumerate(names)]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a1"], ["a0 a1 a2"]),
        (["a3"], ["a2 a3"]),  # a4 is a neighbour, and another parent's
        (["a4"], ["a4 a5"]),
        (["a0", "a3"], ["a0 a1 a2 a3"]),  # half of them
        (["a4", "a8"], ["a4 a5", "a7 a8"]),  # two of five
        (["a4", "a6", "a8"], ["a4 a5 a6 a7 a8"]),
        (["a1", "a1"], ["a0 a1 a2"]),  # one chunk, found twice
        (["a9"], ["a9"]),
        (["a10"], ["a9 a10 a11"]),  # without a parent it takes its neighbours, whosever they are
        (["文1", "a0", "文3"], ["文0 文1 文2 文3", "a0 a1"]),
        (["文5", "文4"], ["文4 文5"]),
        (["文4"], ["文4 文5"]),
        (["c0", "c1", "c6", "c7"], ["c0 c1 c2 c3 c4 c5 c6 c7"]),
        (["c0", "c6", "c7"], ["c0 c1", "c5 c6 c7"]),
        (["a3", "a4"], ["a2 a3 a4 a5"]),  # passages that touch are still joined
    ],
)
def test_passages(catalog: Catalog, names: list[str], expected: list[str]) -> None:
    assert [" ".join(p.text.split()) for p in expand(catalog, hits(catalog, *names))] == expected


@given(st.lists(st.integers(0, 12), max_size=6, unique=True), st.integers(0, 3))
def test_any_hits(catalog: Catalog, picks: list[int], radius: int) -> None:
    found = hits(catalog, *(f"a{number}" for number in picks))
    passages = expand(catalog, found, radius)
    for passage in passages:
        assert passage.text == catalog.document_text(passage.document.id)[passage.start : passage.end]
    covered = [number for passage in passages for number in passage.text.split()]
    assert len(covered) == len(set(covered)) and {f"a{number}" for number in picks} <= set(covered)
    for hit in found:  # what is not in a hit's family came with another hit
        family = {chunk.text for chunk in catalog.family(hit.chunk)} or set(covered)
        mine = next(p for p in passages if hit.chunk.text in p.text.split())
        alone = len({h.chunk.id for h in found if h.chunk.text in mine.text.split()}) == 1
        assert not alone or set(mine.text.split()) <= family


def test_one_hit_is_not_enough_for_a_parent_of_two(catalog: Catalog) -> None:
    assert [passage.text for passage in expand(catalog, hits(catalog, "文4"), 0)] == ["文4"]


def test_a_family_is_that_of_the_document(catalog: Catalog) -> None:
    (hit,) = hits(catalog, "文1")
    assert [chunk.text for chunk in catalog.family(hit.chunk)] == ["文0", "文1", "文2", "文3"]
    (hit,) = hits(catalog, "a11")
    assert hit.chunk.parent is None and catalog.family(hit.chunk) == []


def test_a_document_that_was_cut_in_another_way_since(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite3")
    store(catalog, "a", 4, 4)
    found = hits(catalog, "a1", "a2")
    store(catalog, "a", 2, 6)
    for passage in expand(catalog, found):
        assert passage.text == catalog.document_text(passage.document.id)[passage.start : passage.end]
        assert "a1" in passage.text or "a2" in passage.text
    catalog.close()

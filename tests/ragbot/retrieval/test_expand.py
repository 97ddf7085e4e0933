"""Hits and their neighbours, joined to passages that are slices of their documents."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.documents import Chunk, Heading, ParsedDocument, ScoredChunk
from ragbot.index.catalog import Catalog
from ragbot.index.filters import Filter
from ragbot.index.records import FileState, NewChunk
from ragbot.retrieval.expand import expand


def store(catalog: Catalog, source: str, count: int) -> None:
    """A document of ``count`` chunks ``s0``, ``s1``, … on a page each, two of them under a heading."""
    parts = [f"{source}{number}" for number in range(count)]
    text = "\n\n".join(parts)
    starts = [text.index(part) for part in parts]
    parsed = ParsedDocument(text, pages=tuple(starts), headings=tuple(Heading(s, 1, f"H{s}") for s in starts[::2]))
    chunks = [
        NewChunk(start, start + len(part), page, (f"H{starts[(page - 1) // 2 * 2]}",), "", b"h")
        for page, (start, part) in enumerate(zip(starts, parts, strict=True), 1)
    ]
    catalog.put_document(source, parsed, FileState("h"), chunks, np.ones((count, 2), np.float32))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path_factory.mktemp("expand") / "catalog.sqlite3")
    store(catalog, "a", 10)
    store(catalog, "b", 10)
    yield catalog
    catalog.close()


def hits(catalog: Catalog, *names: str) -> list[ScoredChunk]:
    chunks: dict[str, Chunk] = {c.text: c for c in catalog.chunks(catalog.chunk_ids(Filter()).tolist()).values()}
    return [ScoredChunk(chunks[name], 1 / (rank + 1)) for rank, name in enumerate(names)]


def spans(catalog: Catalog, *names: str, radius: int = 1) -> list[str]:
    return [" ".join(passage.text.split()) for passage in expand(catalog, hits(catalog, *names), radius)]


@pytest.mark.parametrize(
    ("names", "radius", "expected"),
    [
        (["a4"], 1, ["a3 a4 a5"]),
        (["a4"], 0, ["a4"]),
        (["a0", "b9"], 1, ["a0 a1", "b8 b9"]),
        (["a4", "a5"], 1, ["a3 a4 a5 a6"]),
        (["a4", "a4"], 1, ["a3 a4 a5"]),
        (["a2", "a5"], 1, ["a1 a2 a3 a4 a5 a6"]),  # a3 and a4 are neighbours
        (["a2", "a6"], 1, ["a1 a2 a3", "a5 a6 a7"]),
        (["a1", "a7", "a4"], 1, ["a0 a1 a2 a3 a4 a5 a6 a7 a8"]),  # the third joins the first two
        (["a7", "b4", "a1", "a4"], 1, ["a0 a1 a2 a3 a4 a5 a6 a7 a8", "b3 b4 b5"]),
        (["a4", "b4"], 2, ["a2 a3 a4 a5 a6", "b2 b3 b4 b5 b6"]),
        ([], 1, []),
    ],
)
def test_passages(catalog: Catalog, names: list[str], radius: int, expected: list[str]) -> None:
    assert spans(catalog, *names, radius=radius) == expected


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), max_size=8), st.integers(0, 3))
def test_any_hits(catalog: Catalog, picks: list[tuple[str, int]], radius: int) -> None:
    found = hits(catalog, *(f"{source}{number}" for source, number in picks))
    passages = expand(catalog, found, radius)
    covered: list[str] = []
    for passage in passages:
        assert passage.text == catalog.document_text(passage.document.id)[passage.start : passage.end]
        covered += passage.text.split()
    wanted = {f"{s}{n}" for s, m in picks for n in range(max(m - radius, 0), min(m + radius, 9) + 1)}
    assert sorted(covered) == sorted(wanted)  # each once
    scores = [passage.score for passage in passages]
    assert scores == sorted(scores, reverse=True)
    if found:
        assert scores[0] == found[0].score
    for one in passages:  # none that touch are left apart
        for other in passages:
            assert (
                one is other or one.document != other.document or one.end + 2 < other.start or other.end + 2 < one.start
            )


def test_page_and_headings_are_those_of_the_hit(catalog: Catalog) -> None:
    (passage,) = expand(catalog, hits(catalog, "a5"))
    assert (passage.page, passage.headings) == (6, hits(catalog, "a5")[0].chunk.headings)


def test_a_document_is_read_once(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    real = catalog.parsed_text
    monkeypatch.setattr(catalog, "parsed_text", lambda number: (read.append(number), real(number))[1])
    assert spans(catalog, "a1", "b1", "a5", "b5", "a9", radius=0) == ["a1", "b1", "a5", "b5", "a9"]
    assert len(read) == len(set(read)) == 2


def test_many_hits_in_a_long_document(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite3")
    store(catalog, "long", 10_000)
    found = hits(catalog, *(f"long{number}" for number in range(0, 10_000, 100)))
    begun = time.process_time()
    passages = expand(catalog, found)
    assert time.process_time() - begun < 1.0  # 0.05 s; it was 1.6 s when each passage read the document
    assert [passage.text.split()[1] for passage in passages[1:]] == [f"long{n}" for n in range(100, 10_000, 100)]
    catalog.close()


def test_documents_that_changed_since_the_search_are_left_out(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite3")
    for source in "abc":
        store(catalog, source, 4)
    found = hits(catalog, "a1", "b1", "c1")
    catalog.remove_document("a")
    parsed = ParsedDocument("something else entirely, and longer than before")
    catalog.put_document("b", parsed, FileState("h"), [NewChunk(0, 9, None, (), "", b"h")], np.ones((1, 2), np.float32))
    assert [passage.document.source for passage in expand(catalog, found)] == ["c"]
    catalog.close()

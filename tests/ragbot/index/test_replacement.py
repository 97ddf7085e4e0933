"""What an edit leaves as it is keeps its id; what it does not is gone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from ragbot.documents import Chunk, ParsedDocument
from ragbot.index.catalog import Catalog
from ragbot.index.filters import Filter
from ragbot.index.maintenance import Inspector
from ragbot.index.records import FileState, NewChunk
from ragbot.models.embedders.base import Vectors
from ragbot.models.testing import HashEmbedder


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "catalog.sqlite3")
    yield catalog
    catalog.close()


def put(
    catalog: Catalog,
    texts: Sequence[str],
    prefix: str = "P",
    language: str = "en",
    page: int = 1,
    vectors: Vectors | None = None,
) -> list[Chunk]:
    """One document of these chunks, one a line; its chunks in order."""
    chunks, start = [], 0
    for text in texts:
        digest = hashlib.blake2b(f"{prefix}\n{text}".encode(), digest_size=16).digest()
        chunks.append(NewChunk(start, start + len(text), page, (prefix,), prefix, digest))
        start += len(text) + 1
    rows = HashEmbedder().encode_documents(texts) if vectors is None else vectors
    parsed = ParsedDocument("\n".join(texts), language=language)
    catalog.put_document("a", parsed, FileState("h"), chunks, rows)
    found = catalog.chunks(catalog.chunk_ids(Filter()).tolist()).values()
    ordered = sorted(found, key=lambda chunk: chunk.ordinal)
    assert [chunk.text for chunk in ordered] == list(texts)
    assert [chunk.ordinal for chunk in ordered] == list(range(len(texts)))
    assert all(parsed.text[chunk.start : chunk.end] == chunk.text for chunk in ordered)
    return ordered


def ids(chunks: Sequence[Chunk]) -> list[int]:
    return [chunk.id for chunk in chunks]


def test_a_changed_paragraph(catalog: Catalog) -> None:
    before = ids(put(catalog, ["one", "二", "three", "四"]))
    seq = catalog.seq
    after = ids(put(catalog, ["one", "新的二", "three", "四"]))
    assert after[:1] + after[2:] == before[:1] + before[2:] and after[1] not in before
    (changes,) = catalog.changes(seq)
    assert (changes.removed, changes.added, changes.texts) == ([before[1]], [after[1]], ["P\n新的二"])


def test_inserted_moved_and_removed(catalog: Catalog) -> None:
    one, two, three = ids(put(catalog, ["one", "two", "three"]))
    new, *rest = ids(put(catalog, ["zero", "one", "two", "three"]))
    assert rest == [one, two, three] and new > three
    assert ids(put(catalog, ["three", "one"])) == [three, one]
    assert put(catalog, []) == []
    assert min(ids(put(catalog, ["one"]))) > new  # what is gone does not come back


def test_equal_texts(catalog: Catalog) -> None:
    first, second = ids(put(catalog, ["same", "same"]))
    third = ids(put(catalog, ["same", "same", "same"]))
    assert third[:2] == [first, second]
    assert ids(put(catalog, ["same"])) == [first]


def test_what_decides(catalog: Catalog) -> None:
    before = put(catalog, ["one", "two"])
    assert ids(put(catalog, ["one", "two"], page=7)) == ids(before)  # the place is not indexed
    moved = catalog.chunks(ids(before))
    assert {chunk.page for chunk in moved.values()} == {7}
    assert not set(ids(put(catalog, ["one", "two"], prefix="Q"))) & set(ids(before))  # what stands in front is
    now = put(catalog, ["one", "two"], prefix="Q")
    other = put(catalog, ["one", "two"], prefix="Q", language="zh")  # vectors are grouped by language
    assert not set(ids(now)) & set(ids(other))
    vectors = -HashEmbedder().encode_documents(["one", "two"])
    again = put(catalog, ["one", "two"], prefix="Q", language="zh", vectors=vectors)
    assert not set(ids(other)) & set(ids(again))
    stored = catalog.embeddings_of([hashlib.blake2b(b"Q\none", digest_size=16).digest()])
    np.testing.assert_array_equal(next(iter(stored.values())), vectors[0])


def test_the_rows_are_whole_afterwards(catalog: Catalog, tmp_path: Path) -> None:
    put(catalog, ["one", "two", "three"])
    put(catalog, ["zero", "two", "three", "one"])
    catalog.put("embedder", '{"dimension": 64}')
    inspector = Inspector(tmp_path / "catalog.sqlite3")
    assert list(inspector.damaged_documents(lambda *_: None)) == []
    inspector.close()

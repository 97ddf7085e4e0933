"""The parents of chunks in the catalog: stored, compared when they are read, and taken along."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ingest.chunkers.hierarchical import HierarchicalChunker
from ingest.chunkers.recursive import RecursiveChunker
from ingest.pipeline import ingest_documents
from ragbot.documents import Chunk, ParsedDocument
from ragbot.errors import CorruptError
from ragbot.index.catalog import FILE_NAME, Catalog
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.maintenance import verify
from ragbot.index.records import checksum
from ragbot.index.transfer import export, import_
from ragbot.models.testing import HashEmbedder

EMBEDDER = HashEmbedder()
TEXT = "\n\n".join(f"Part {n} says this much. 第{n}段写了这些。" for n in range(12))


def put(folder: Path, parents: bool = True) -> None:
    kb = KnowledgeBase(folder, EMBEDDER.fingerprint)
    chunker = (HierarchicalChunker if parents else RecursiveChunker)(EMBEDDER.count_tokens, 18)
    ingest_documents(kb, EMBEDDER, chunker, {"a": ParsedDocument(TEXT)})
    kb.close()


def stored(folder: Path) -> list[Chunk]:
    catalog = Catalog(folder / FILE_NAME, create=False)
    try:
        return list(catalog.chunks(catalog.chunk_ids(Filter()).tolist()).values())
    finally:
        catalog.close()


def edit(folder: Path, sql: str, *values: object) -> None:
    db = sqlite3.connect(folder / FILE_NAME)
    with db:
        assert db.execute(sql, values).rowcount > 0
    db.close()


def test_parents_are_stored(tmp_path: Path) -> None:
    put(tmp_path / "kb")
    chunks = stored(tmp_path / "kb")
    parents = {chunk.parent for chunk in chunks}
    assert None not in parents and 1 < len(parents) < len(chunks)
    for chunk in chunks:
        assert chunk.parent and chunk.parent[0] <= chunk.start < chunk.end <= chunk.parent[1]
    assert list(verify(tmp_path / "kb").problems) == []


def test_cutting_without_parents_again_forgets_them(tmp_path: Path) -> None:
    put(tmp_path / "kb")
    put(tmp_path / "kb", parents=False)
    assert {chunk.parent for chunk in stored(tmp_path / "kb")} == {None}


def test_a_row_from_before_there_were_parents_is_valid(tmp_path: Path) -> None:
    put(tmp_path / "kb", parents=False)
    db = sqlite3.connect(tmp_path / "kb" / FILE_NAME)
    columns = 'document_id, ordinal, start, "end", page, headings, prefix, text'
    for row in db.execute(f"SELECT checksum, {columns} FROM chunks"):
        assert row[0] == checksum(*row[1:])
    db.close()


@pytest.mark.parametrize("values", [(0, 5000), (1, 40), (None, None), (0, None)])
def test_a_changed_parent_is_noticed(tmp_path: Path, values: tuple[int | None, int | None]) -> None:
    put(tmp_path / "kb")
    edit(tmp_path / "kb", "UPDATE chunks SET parent_start = ?, parent_end = ? WHERE ordinal = 1", *values)
    with pytest.raises(CorruptError, match="chunk"):
        stored(tmp_path / "kb")


def test_a_parent_that_does_not_hold_its_chunk_is_told_of(tmp_path: Path) -> None:
    put(tmp_path / "kb")
    folder = tmp_path / "kb"
    columns = 'document_id, ordinal, start, "end", page, headings, prefix, text'
    db = sqlite3.connect(folder / FILE_NAME)
    row = db.execute(f"SELECT {columns} FROM chunks WHERE ordinal = 3").fetchone()
    db.close()
    edit(
        folder,
        "UPDATE chunks SET parent_start = ?, parent_end = ?, checksum = ? WHERE ordinal = 3",
        0,
        row[3] - 1,
        checksum(*row, 0, row[3] - 1),
    )
    (problem,) = verify(folder).problems
    assert "the parent of chunk 4 does not hold it" in problem.message


def test_parents_travel(tmp_path: Path) -> None:
    put(tmp_path / "kb")
    export(tmp_path / "kb", tmp_path / "file")
    import_(tmp_path / "file", tmp_path / "other")
    before, after = stored(tmp_path / "kb"), stored(tmp_path / "other")
    assert [(c.text, c.parent) for c in before] == [(c.text, c.parent) for c in after]

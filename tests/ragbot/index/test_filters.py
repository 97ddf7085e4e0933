"""Filters: which documents a condition lets through, checked against the same rule in Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragbot.documents import ParsedDocument
from ragbot.index.catalog import Catalog
from ragbot.index.filters import Filter
from ragbot.index.records import FileState, NewChunk

DOCUMENTS = {
    "/docs/a.md": ("md", "zh", "2024-01-15", ()),
    "/docs/b.pdf": ("pdf", "en", "2024-06-30", ("alice",)),
    "/docs/deep/c.md": ("md", "en", None, ("bob", "组:研发")),
    "/docs2/d.md": ("md", "ja", "2023-12-31", ()),
    "/odd/[x] 100%_'q'.md": ("md", "en", "2025-01-01", ()),
    "note": ("txt", "", None, ("a'b", "alic")),
}


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = Catalog(tmp_path / "catalog.sqlite3")
    for source, (kind, language, date, acl) in DOCUMENTS.items():
        parsed = ParsedDocument("text", type=kind, language=language, date=date)
        chunk = NewChunk(0, 4, None, (), "", b"hash")
        catalog.put_document(source, parsed, FileState("h"), [chunk], np.ones((1, 4), np.float32), acl)
    return catalog


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Filter(), set(DOCUMENTS)),
        (Filter(sources=("/docs/a.md",)), {"/docs/a.md"}),
        (Filter(sources=("/docs",)), {"/docs/a.md", "/docs/b.pdf", "/docs/deep/c.md"}),
        (Filter(sources=("/docs/",)), {"/docs/a.md", "/docs/b.pdf", "/docs/deep/c.md"}),
        (Filter(sources=("/docs/deep", "note")), {"/docs/deep/c.md", "note"}),
        (Filter(sources=("*.md",)), {source for source in DOCUMENTS if source.endswith(".md")}),
        (Filter(sources=("/docs?/*",)), {"/docs2/d.md"}),
        (Filter(sources=("/odd/[x] 100%_'q'.md",)), {"/odd/[x] 100%_'q'.md"}),
        (Filter(sources=("/odd/[x]*",)), {"/odd/[x] 100%_'q'.md"}),
        (Filter(sources=("/odd/x*",)), set()),
        (Filter(sources=("/doc", "docs", "")), set()),
        (Filter(sources=("%",)), set()),
        (Filter(types=("pdf",)), {"/docs/b.pdf"}),
        (Filter(types=("pdf", "txt")), {"/docs/b.pdf", "note"}),
        (Filter(languages=("zh", "ja")), {"/docs/a.md", "/docs2/d.md"}),
        (Filter(since="2024-01-15"), {"/docs/a.md", "/docs/b.pdf", "/odd/[x] 100%_'q'.md"}),
        (Filter(until="2024-01-15"), {"/docs/a.md", "/docs2/d.md"}),
        (Filter(since="2024", until="2024"), {"/docs/a.md", "/docs/b.pdf"}),
        (Filter(since="2024-02", until="2024-06"), {"/docs/b.pdf"}),
        (Filter(principals=()), {"/docs/a.md", "/docs2/d.md", "/odd/[x] 100%_'q'.md"}),
        (Filter(principals=("alice",)), {"/docs/a.md", "/docs2/d.md", "/odd/[x] 100%_'q'.md", "/docs/b.pdf"}),
        (Filter(principals=("组:研发",), sources=("/docs",)), {"/docs/a.md", "/docs/deep/c.md"}),
        (Filter(principals=("a'b",), types=("txt",)), {"note"}),
        (Filter(principals=("ali", "lice", "%", "*")), {"/docs/a.md", "/docs2/d.md", "/odd/[x] 100%_'q'.md"}),
        (Filter(sources=("/docs",), types=("md",), languages=("en",), principals=("bob",)), {"/docs/deep/c.md"}),
    ],
)
def test_documents_that_pass(catalog: Catalog, where: Filter, expected: set[str]) -> None:
    ids = catalog.chunk_ids(where)
    assert {chunk.document.source for chunk in catalog.chunks(ids.tolist()).values()} == expected
    assert list(ids) == sorted(ids)


def test_thousands_of_sources(catalog: Catalog) -> None:
    many = tuple(f"/elsewhere/{number}.md" for number in range(40_000))
    assert len(catalog.chunk_ids(Filter(sources=(*many, "note")))) == 1
    assert len(catalog.chunk_ids(Filter(sources=tuple(f"{name}*" for name in many[:2000])))) == 0


def test_empty() -> None:
    assert Filter().empty
    assert not Filter(principals=()).empty  # nobody in particular asks: that is not the owner of the machine
    assert not Filter(types=("md",)).empty


@pytest.mark.parametrize("field", ["sources", "types", "languages", "tags", "collections", "principals"])
def test_a_string_is_not_taken_for_its_letters(field: str) -> None:
    with pytest.raises(TypeError, match=field):
        Filter(**{field: "alice"})


@pytest.mark.parametrize("name", ["sources", "types", "languages", "tags", "collections", "principals"])
def test_no_name_holds_a_nul(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} holds a NUL character"):
        Filter(**{name: ("a", "\0")})

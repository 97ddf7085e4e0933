"""Tags and collections: how they are kept, which document has which, and what a search with them finds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ragbot.documents import ParsedDocument
from ragbot.index.catalog import Catalog
from ragbot.index.filters import Filter
from ragbot.index.labels import Labels, declared_tags, folded, tags_of
from ragbot.index.records import FileState, NewChunk

METADATA: dict[str, dict[str, str]] = {
    "both": {"tags": '["llm", "训练"]', "given_tags": '["draft"]', "collection": "reports 2024"},
    "given": {"given_tags": '["llm"]'},
    "none": {"author": "llm"},
    "odd": {"tags": "llm, not json", "given_tags": "{", "collection": "[]"},
    "object": {"tags": '{"a": "llm"}', "given_tags": "7"},
    "french": {"tags": '["été"]', "collection": "o'neil"},
}


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "catalog.sqlite3")
    for source, metadata in METADATA.items():
        parsed = ParsedDocument("text", metadata=metadata)
        chunk = NewChunk(0, 4, None, (), "", b"hash")
        acl = ("ann",) if source == "given" else ()
        catalog.put_document(source, parsed, FileState("h"), [chunk], np.ones((1, 4), np.float32), acl)
    yield catalog
    catalog.close()


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Filter(tags=("llm",)), {"both", "given", "object"}),
        (Filter(tags=("LLM",)), {"both", "given", "object"}),
        (Filter(tags=("训练",)), {"both"}),
        (Filter(tags=("训",)), set()),
        (Filter(tags=("draft", "ÉTÉ")), {"both", "french"}),
        (Filter(tags=("ll", "lm", "%", "*", "", "author")), set()),
        (Filter(tags=("llm",), collections=("Reports  2024",)), {"both"}),
        (Filter(collections=("O'Neil", "reports 2024")), {"both", "french"}),
        (Filter(collections=("reports",)), set()),
        (Filter(tags=("llm",), principals=("bob",)), {"both", "object"}),
        (Filter(tags=("llm",), sources=("given",)), {"given"}),
    ],
)
def test_documents_that_pass(catalog: Catalog, where: Filter, expected: set[str]) -> None:
    assert {document.source for document in catalog.documents(where)} == expected
    ids = catalog.chunk_ids(where).tolist()
    assert {chunk.document.source for chunk in catalog.chunks(ids).values()} == expected


def test_new_metadata_are_kept_with_their_checksum(catalog: Catalog) -> None:
    assert catalog.set_metadata("none", {"given_tags": '["x"]'})
    assert not catalog.set_metadata("none", {"given_tags": '["x"]'})
    assert [document.source for document in catalog.documents(Filter(tags=("x",)))] == ["none"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LLM, Fine  Tuning;训练，ＬＬＭ", ["llm", "fine tuning", "训练"]),
        (["a, b", "B", "b"], ["a, b", "b"]),
        ("", None),
        (" ; , ", None),
        ("x" * 101, None),
    ],
)
def test_what_a_file_declares(text: str | list[str], expected: list[str] | None) -> None:
    found = declared_tags(text)
    assert found == ({} if expected is None else {"tags": json.dumps(expected, ensure_ascii=False)})


def test_not_more_than_fifty() -> None:
    assert len(tags_of(declared_tags(str(n) for n in range(1000)))) == 50


def test_labels_of_a_new_document() -> None:
    found = Labels(("Draft", "draft", ""), " HR  2024 ").applied({"author": "x", "tags": "A, b"}, None)
    assert found == {"author": "x", "tags": '["a", "b"]', "given_tags": '["draft"]', "collection": "hr 2024"}
    assert tags_of(found) == ("a", "b", "draft")


def test_what_was_given_is_kept_and_what_the_file_said_is_not() -> None:
    known = {"tags": '["old"]', "given_tags": '["draft"]', "collection": "hr", "etag": "1"}
    assert Labels().applied({"tags": '["new"]'}, known) == {
        "tags": '["new"]',
        "given_tags": '["draft"]',
        "collection": "hr",
    }
    assert Labels(("final",)).applied({}, known) == {"given_tags": '["final"]', "collection": "hr"}
    assert Labels((), "").applied({}, known) == {}


def test_nothing_is_added_to_what_has_no_labels() -> None:
    metadata = {"encoding": "utf-8"}
    assert Labels().applied(metadata, None) == metadata
    assert not Labels().given
    assert Labels(()).given and Labels(collection="").given


def test_a_string_is_not_taken_for_its_letters() -> None:
    with pytest.raises(TypeError, match="tags"):
        Labels("draft")  # type: ignore[arg-type]


def test_folding() -> None:
    assert folded(" ＡＢＣ\tÉté  组 ") == "abc été 组"

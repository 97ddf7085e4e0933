"""Readers of LlamaIndex by name: what they give, what they cost, and what they do wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ingest.readers
from ingest.chunkers.recursive import RecursiveChunker
from ingest.parsing import Limits
from ingest.pipeline import ingest as run_ingest
from ingest.readers import check_readers, read
from ragbot.documents import IngestReport
from ragbot.errors import LoaderError, MissingExtraError, UserError
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.testing import HashEmbedder
from tests.ingest.test_origins import inner, pack

pytest.importorskip("llama_index.core")

OWN = "tests.ingest.own_readers"
STRANGE = "tests.ingest.strange_readers"
JSON = "llama_index.core.readers.json:JSONReader"


@pytest.fixture
def kb(kb_folder: Path) -> Iterator[KnowledgeBase]:
    kb = KnowledgeBase(kb_folder, HashEmbedder().fingerprint)
    yield kb
    kb.close()


def run(kb: KnowledgeBase, *paths: Path, **options: Any) -> IngestReport:
    embedder = HashEmbedder()
    return run_ingest(kb, embedder, RecursiveChunker(embedder.count_tokens, 32), paths, parsers=1, **options)


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# -- what a reader gives ---------------------------------------------------------------------------------------------


def test_texts_are_joined_and_labels_are_pages(tmp_path: Path) -> None:
    path = put(tmp_path, "会议-纪要.hwp", "1|第一页的文字。\n1|还是第一页。\n2|Second page.\n4|Fourth page.\n")
    parsed = read(f"{OWN}:Sheets", path)
    assert parsed.text == "第一页的文字。\n\n还是第一页。\n\nSecond page.\n\nFourth page."
    second, fourth = parsed.text.index("Second"), parsed.text.index("Fourth")
    assert parsed.pages == (0, second, fourth, fourth)  # nothing stands on page 3
    assert (parsed.title, parsed.type, parsed.language) == ("会议 纪要", "hwp", "zh")
    assert parsed.metadata == {"reader": f"{OWN}:Sheets"}


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("iii|a\niv|b\n1|c", (0, 3, 6)),  # printed numbers that are no order: counted
        ("9|a\n3|b", (0, 3)),
        ("0|a\n1|b", (0, 3)),
        ("99999|a\n100000|b", (0, 3)),
        ("1|a\nb", ()),  # not all of them have one
        ("a\nb", ()),
        (" |a\n |b", ()),  # a label of white space is none
        (" |a\n2|b", ()),
        ("2|a\n3|b", (0, 0, 3)),
    ],
)
def test_labels_that_are_no_rising_numbers(tmp_path: Path, text: str, pages: tuple[int, ...]) -> None:
    assert read(f"{OWN}:Sheets", put(tmp_path, "a.hwp", text)).pages == pages


def test_a_lazy_reader_and_a_title_of_its_own(tmp_path: Path) -> None:
    parsed = read(f"{OWN}:Lazy", put(tmp_path, "a.hwp", ""))
    assert (parsed.text, parsed.title) == ("a.hwp in small pieces", "Pieces")


def test_a_reader_that_comes_with_llama_index(tmp_path: Path) -> None:
    path = put(tmp_path, "a.json", '{"城市": "北京", "city": "Bergen"}')
    text = read(JSON, path).text
    assert "北京" in text and "Bergen" in text


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Lying", "gives a value of type str, not a list"),
        ("Strange", "AttributeError: 'dict' object has no attribute 'text'"),
        ("Numbers", "has a value of type int as its text"),
        ("Empty", "a.hwp is empty"),
        ("Needy", "missing 1 required positional argument: 'key'"),
        ("function", "no class function with load_data"),
        ("Sheet", "no class Sheet with load_data; check the name"),
    ],
)
def test_a_reader_that_goes_wrong(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(LoaderError, match=reason):
        read(f"{STRANGE}:{name}", put(tmp_path, "a.hwp", "x"))


def test_a_reader_of_llama_index_that_fails(tmp_path: Path) -> None:
    reason = "a.hwp cannot be read by the reader .*:Failing: ImportError: `olefile` is needed: pip install"
    with pytest.raises(LoaderError, match=reason):
        read(f"{OWN}:Failing", put(tmp_path, "a.hwp", "x"))


def test_a_reader_whose_own_import_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    put(tmp_path, "wanting_reader.py", "import olefile_that_is_not_there")
    put(tmp_path, "broken_reader.py", "class Reader(:")
    with pytest.raises(LoaderError, match="needs the package olefile_that_is_not_there"):
        read("wanting_reader:Reader", put(tmp_path, "a.hwp", "x"))
    with pytest.raises(LoaderError, match="broken_reader:Reader cannot be imported"):
        read("broken_reader:Reader", tmp_path / "a.hwp")


# -- through the pipeline --------------------------------------------------------------------------------------------


def test_files_of_its_suffix_go_to_the_reader(kb: KnowledgeBase, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    put(folder, "a.HWP", "1|第一页。\n2|Second page.")
    put(folder, "b.md", "Plain words.")
    put(folder, "c.json", '{"city": "Bergen"}')
    pack(folder / "d.zip", e_hwp="3|Inside an archive.")
    without = run(kb, folder)
    assert [Path(name).name for name in without.ignored] == ["a.HWP", "e.hwp"]
    report = run(kb, folder, readers={".hwp": f"{OWN}:Sheets", ".json": JSON})
    assert inner(tuple(Path(name).name for name in report.added)) == ["a.HWP", "e.hwp"]
    assert [Path(name).name for name in report.updated] == ["c.json"]  # another reader makes other text
    assert not report.failed and not report.ignored
    documents = {Path(document.source).name: document for document in kb.catalog.documents()}
    text, pages, _ = kb.catalog.parsed_text(documents["a.HWP"].id)
    assert text[pages[1] :] == "Second page."
    again = run(kb, folder, readers={".hwp": f"{OWN}:Sheets", ".json": JSON})
    assert len(again.skipped) == 4 and not again.added and not again.updated
    assert [Path(name).name for name in run(kb, folder).updated] == ["c.json"]  # and back to our loader


def test_short_text_files_go_to_the_reader_too(kb: KnowledgeBase, tmp_path: Path) -> None:
    report = run(kb, put(tmp_path, "a.txt", "Words."), readers={".txt": f"{STRANGE}:Plain"})
    (document,) = kb.catalog.documents()
    assert report.added and document.metadata["reader"] == f"{STRANGE}:Plain"


def test_what_a_reader_costs_is_bounded_and_costs_one_file(kb: KnowledgeBase, tmp_path: Path) -> None:
    for suffix in ("hang", "leave", "eat", "lie", "good"):
        put(tmp_path, f"a.{suffix}", "好的文字。")
    readers = {
        ".hang": f"{STRANGE}:Hanging",
        ".leave": f"{STRANGE}:Leaving",
        ".eat": f"{STRANGE}:Eating",
        ".lie": f"{STRANGE}:Lying",
        ".good": f"{STRANGE}:Plain",
    }
    report = run(kb, tmp_path, readers=readers, limits=Limits(seconds=5, memory_mb=1024))
    assert [Path(name).name for name in report.added] == ["a.good"]
    reasons = {Path(failed.source).name: failed.reason for failed in report.failed}
    assert "takes more than 1024 MiB to read" in reasons["a.eat"]
    assert "takes longer than 5 s to read" in reasons["a.hang"]
    assert "makes its parser crash (exit code 3)" in reasons["a.leave"]
    assert "not a list" in reasons["a.lie"]


# -- what is not there -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("llama_index.readers.hwp_tools:Reader", "is not installed: pip install llama-index-readers-hwp-tools"),
        ("llama_index.core.readers.nope:Reader", "there is no module llama_index.core.readers.nope; check the name"),
        ("nowhere.at.all:Reader", "there is no module nowhere.at.all; install its package"),
    ],
)
def test_a_package_that_is_missing_is_said_before_anything_is_read(
    kb: KnowledgeBase, tmp_path: Path, target: str, message: str
) -> None:
    readers = {".hwp": target}
    with pytest.raises(UserError, match=message):
        run(kb, put(tmp_path, "a.hwp", "x"), put(tmp_path, "b.md", "Words."), readers=readers)
    assert kb.catalog.documents() == []
    check_readers(readers, [tmp_path / "b.md"])  # what is not needed need not be there
    report = run(kb, pack(tmp_path / "c.zip", a_hwp="x", b_md="Words."), readers=readers)
    assert len(report.added) == 1
    (failed,) = report.failed  # in an archive it is met on the way
    assert message in failed.reason


def test_without_llama_index_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(ingest.readers, "find_spec", find_spec)
    with pytest.raises(MissingExtraError, match=r'pip install "ragbot\[llamaindex\]"'):
        check_readers({".hwp": "llama_index.readers.file:HWPReader"}, [tmp_path / "a.HWP"])


def test_archives_have_no_reader() -> None:
    with pytest.raises(UserError, match=r"\.tgz files are archives"):
        check_readers({".tgz": JSON}, [])

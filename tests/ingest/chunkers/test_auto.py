"""The chunker that is chosen by the type of the document."""

from __future__ import annotations

from pathlib import Path

import pytest

import ragbot
from ingest.chunkers.auto import AutoChunker
from ingest.chunkers.hierarchical import HierarchicalChunker
from ingest.chunkers.recursive import RecursiveChunker
from ingest.chunkers.registry import BY_TYPE, PROSE, make_chunker
from ingest.loaders import load
from ragbot.documents import ParsedDocument
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings

EMBEDDER = HashEmbedder()
ROWS = "".join(f"物品{n},{n}.50,a note of row {n}\n" for n in range(60))
FILES = {
    "a.py": ("code", "import os\n\n\ndef first(value):\n    return value\n\n\n# 说明\ndef second():\n    pass\n" * 9),
    "a.toml": ("code", "[one]\nkey = 1\n\n[two]\nkey = 2\n" * 20),
    "a.csv": ("rows", "名称,price,note\n" + ROWS),
    "a.tsv": ("rows", ("名称,price,note\n" + ROWS).replace(",", "\t")),
    "a.md": (PROSE, "# 标题\n\n第一句。第二句。\n\nOne sentence. Another.\n" * 20),
    "a.txt": (PROSE, "第一句。第二句。\n\nOne sentence. Another.\n" * 20),
}


@pytest.mark.parametrize("name", FILES)
def test_the_type_chooses(tmp_path: Path, name: str) -> None:
    expected, text = FILES[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    parsed = load(tmp_path / name)
    auto = make_chunker("auto", EMBEDDER, 40, 60)
    assert auto.split(parsed) == make_chunker(expected, EMBEDDER, 40, 60).split(parsed)
    other = make_chunker("sentences", EMBEDDER, 40, 60)
    assert auto.split(parsed) != other.split(parsed), "the example tells chunkers apart"


def test_sheets_are_rows() -> None:
    assert BY_TYPE["xlsx"] == "rows"


def test_the_signature_names_all_of_them() -> None:
    auto = make_chunker("auto", EMBEDDER, 40, 60)
    for name in {PROSE, *BY_TYPE.values()}:
        assert make_chunker(name, EMBEDDER, 40, 60).signature in auto.signature
    prose, other = RecursiveChunker(EMBEDDER.count_tokens, 40), RecursiveChunker(EMBEDDER.count_tokens, 41)
    made = [
        AutoChunker(prose, {}),
        AutoChunker(other, {}),
        AutoChunker(prose, {"md": prose}),
        AutoChunker(prose, {"a": other}),
    ]
    assert len({chunker.signature for chunker in made}) == 4


def test_parents_of_the_chosen_one_come_through() -> None:
    prose, nested = RecursiveChunker(EMBEDDER.count_tokens, 8), HierarchicalChunker(EMBEDDER.count_tokens, 8)
    auto = AutoChunker(prose, {"md": nested})
    text = "One two three. 四五六七八九十。 " * 9
    for kind, chosen in (("md", nested), ("txt", None)):
        parsed = ParsedDocument(text, type=kind)
        assert [span for span, _ in auto.split_with_parents(parsed)] == auto.split(parsed)
        expected = chosen.split_with_parents(parsed) if chosen else [(span, None) for span in prose.split(parsed)]
        assert auto.split_with_parents(parsed) == expected


def test_it_can_be_set(tmp_path: Path) -> None:
    for name in ("a.py", "a.csv", "a.md"):
        (tmp_path / name).write_text(FILES[name][1], encoding="utf-8")
    settings = Settings(chunking={"chunker": "auto", "chunk_tokens": 40})
    with ragbot.RagBot.open(tmp_path / "kb", embedder=EMBEDDER, settings=settings) as bot:
        report = bot.ingest(*(tmp_path / name for name in ("a.py", "a.csv", "a.md")))
        assert len(report.added) == 3 and not report.failed
        found = bot.search("return value")
        assert any(hit.chunk.text.startswith("def first") for hit in found)
        assert len(bot.ingest(tmp_path / "a.py").skipped) == 1

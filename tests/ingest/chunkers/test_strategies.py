"""What each chunker but the recursive one is for; what all have in common stands in test_contract.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

import ragbot
from ingest.chunkers.base import Chunker
from ingest.chunkers.code import CodeChunker
from ingest.chunkers.headings import HeadingsChunker
from ingest.chunkers.rows import RowsChunker
from ingest.chunkers.semantic import SemanticChunker
from ingest.chunkers.sentences import SentencesChunker
from ingest.loaders import load
from ragbot.documents import Heading, ParsedDocument
from ragbot.models.testing import HashEmbedder
from ragbot.settings import Settings


def count(texts: Sequence[str]) -> list[int]:
    """A token for each word, and for each Han character."""
    return [sum(len(word) if word > "\u3400" else 1 for word in text.split()) for text in texts]


def read(folder: Path, name: str, text: str) -> ParsedDocument:
    (folder / name).write_text(text, encoding="utf-8")
    return load(folder / name)


def chunks(chunker: Chunker, document: ParsedDocument) -> list[str]:
    return [document.text[start:end] for start, end in chunker.split(document)]


def test_small_sections_of_one_parent_share_a_chunk(tmp_path: Path) -> None:
    text = "# A\n\n## B\n\none two\n\n## C\n\n三四\n\n# D\n\n## E\n\nfive\n\n## F\n\n" + "many words here. " * 6
    found = chunks(HeadingsChunker(count, 14), read(tmp_path, "a.md", text))
    assert found[:2] == ["# A\n\n## B\n\none two\n\n## C\n\n三四", "# D\n\n## E\n\nfive"]
    assert found[2].startswith("## F") and all("F" not in chunk for chunk in found[3:])


def test_sentences_stand_in_windows_of_their_paragraph(tmp_path: Path) -> None:
    text = "# 标题\n\n甲一。乙二。丙三。丁四。\n\nOne sentence. Another one.\n"
    found = chunks(SentencesChunker(count, 50, window=2), read(tmp_path, "a.md", text))
    assert found == ["# 标题\n\n甲一。乙二。", "丙三。丁四。", "One sentence. Another one."]
    assert SentencesChunker(count, 50, window=2).signature != SentencesChunker(count, 50).signature


def by_subject(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Two subjects: what speaks of cats, and what does not."""
    return np.array([[1, 0] if "cat" in text or "猫" in text else [0, 1] for text in texts], np.float32)


def test_the_cut_is_where_the_subject_changes() -> None:
    text = "The cat sat. A cat ran. 猫在睡觉。 A dog barked. Dogs run. The dog sat. Dogs eat."
    found = chunks(SemanticChunker(by_subject, count, 14), ParsedDocument(text))
    assert found == ["The cat sat. A cat ran. 猫在睡觉。", "A dog barked. Dogs run. The dog sat. Dogs eat."]


def test_sentences_are_embedded_only_where_a_cut_is_needed() -> None:
    def refuse(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        raise AssertionError("embedded")

    assert SemanticChunker(refuse, count, 14).split(ParsedDocument("One. Two. Three.")) == [(0, 16)]


CODE = """\
import os

# 读取数据
@cached
def read(path):
    return open(path)


class Box:
    size = 1

    def put(self, thing):
        self.things.append(thing)
        self.count += 1

    def take(self):
        return self.things.pop()
"""


def test_a_definition_is_a_chunk(tmp_path: Path) -> None:
    found = chunks(CodeChunker(count, 40), read(tmp_path, "a.py", CODE))
    assert [chunk.split("\n")[0] for chunk in found] == ["import os", "# 读取数据", "class Box:"]
    assert found[2].endswith("self.things.pop()")


def test_a_class_that_is_too_long_is_cut_at_its_methods(tmp_path: Path) -> None:
    found = chunks(CodeChunker(count, 9), read(tmp_path, "a.py", CODE))
    assert [chunk.split("\n")[0] for chunk in found[-3:]] == ["class Box:", "def put(self, thing):", "def take(self):"]


def test_code_without_definitions_is_cut_at_blank_lines_then_lines() -> None:
    text = "a b c\nd e f\n\ng h i\nj k l\nm n o\n"
    assert chunks(CodeChunker(count, 7), ParsedDocument(text)) == ["a b c\nd e f", "g h i\nj k l", "m n o"]


def test_rows_stay_whole_and_keep_to_their_range(tmp_path: Path) -> None:
    table = "名称,price\n" + "".join(f"item {n}. No. {n},{n}\n" for n in range(30))
    document = read(tmp_path, "a.csv", table)
    found = chunks(RowsChunker(count, 40), document)
    rows = [line for line in document.text.split("\n") if line]
    assert [line for chunk in found for line in chunk.split("\n") if line] == rows
    assert len(found) > 4
    assert [chunk for chunk in found if chunk.startswith("A22:B31\n\n")] and all(
        "A22:B31" not in chunk[1:] for chunk in found
    )


def test_a_long_row_is_cut_between_cells() -> None:
    row = " · ".join(f"Label {n}: a value" for n in range(6))
    assert all(part.startswith("Label") for part in chunks(RowsChunker(count, 12), ParsedDocument(row)))


def test_the_setting_chooses_and_documents_are_cut_again(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# 标题\n\n" + "甲一。乙二。丙三。丁四。" * 2, encoding="utf-8")
    numbers = {}
    for name in ("recursive", "sentences", "sentences"):
        settings = Settings(chunking={"chunker": name})
        with ragbot.RagBot.open(tmp_path / "kb", embedder=HashEmbedder(), settings=settings) as bot:
            report = bot.ingest(tmp_path / "a.md")
            numbers[name] = bot.kb.catalog.counts()["chunks"]
    assert numbers == {"recursive": 1, "sentences": 3} and len(report.skipped) == 1


def test_comments_right_above_a_definition_go_with_it() -> None:
    text = "use a;\n\n// what it does\n#[test]\nfn a() {}\n\nfn b() {}\nfn c() {}\n"
    headings = tuple(Heading(text.index(f"fn {name}"), 1, name) for name in "abc")
    found = chunks(CodeChunker(count, 40), ParsedDocument(text, headings=headings))
    assert found == ["use a;", "// what it does\n#[test]\nfn a() {}", "fn b() {}\nfn c() {}"]


def test_the_name_of_a_range_goes_with_its_first_row() -> None:
    text, headings = "", []
    for n in range(60):
        headings.append(Heading(len(text), 1, f"A{n}"))
        text += f"A{n}\n\nName: thing {n}\n\n"
    found = chunks(RowsChunker(count, 40), ParsedDocument(text, headings=tuple(headings)))
    assert len(found) == 60 and all("Name" in chunk for chunk in found)

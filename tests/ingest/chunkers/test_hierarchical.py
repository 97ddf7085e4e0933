"""What the hierarchical chunker adds to the contract: parents of several chunks, which keep to sections."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ingest.chunkers.base import Chunker, ParentChunker, split_with_parents
from ingest.chunkers.hierarchical import HierarchicalChunker
from ingest.chunkers.recursive import RecursiveChunker
from ingest.loaders import load
from ingest.prepare import prepare
from ragbot.documents import Heading, ParsedDocument


def count(texts: Sequence[str]) -> list[int]:
    """A token for each word, and for each Han character."""
    return [sum(len(word) if word > "\u3400" else 1 for word in text.split()) for text in texts]


def read(folder: Path, text: str) -> ParsedDocument:
    (folder / "a.md").write_text(text, encoding="utf-8")
    return load(folder / "a.md")


def families(chunker: Chunker, parsed: ParsedDocument) -> dict[str, list[str]]:
    """The texts of the chunks by that of their parent."""
    found: dict[str, list[str]] = {}
    for (start, end), parent in split_with_parents(chunker, parsed):
        key = parsed.text[slice(*parent)] if parent else ""
        found.setdefault(key, []).append(parsed.text[start:end])
    return found


def test_a_section_that_fits_is_a_parent(tmp_path: Path) -> None:
    text = "# A\n\none two three. four five six.\n\nseven eight.\n\n# 乙\n\n甲乙丙丁戊己。庚辛壬癸子丑。\n\n寅卯。\n"
    found = families(HierarchicalChunker(count, 8), read(tmp_path, text))
    assert found == {
        "# A\n\none two three. four five six.\n\nseven eight.": [
            "# A\n\none two three. four five six.",
            "seven eight.",
        ],
        "# 乙\n\n甲乙丙丁戊己。庚辛壬癸子丑。\n\n寅卯。": ["# 乙", "甲乙丙丁戊己。", "庚辛壬癸子丑。", "寅卯。"],
    }


def test_a_heading_goes_with_what_follows(tmp_path: Path) -> None:
    text = "# A\n\nOne two three. Four five six seven.\n\nEight nine.\n"
    found = families(HierarchicalChunker(count, 8), read(tmp_path, text))
    assert list(found.values()) == [["# A\n\nOne two three.", "Four five six seven.", "Eight nine."]]


@pytest.mark.parametrize("sentence", ["One two three four five. ", "甲乙丙丁。"], ids=["en", "zh"])
def test_a_long_section_is_cut_into_runs_of_paragraphs(sentence: str) -> None:
    text = "\n\n".join(f"{sentence * 3}{number}".strip() for number in range(40))
    found = families(HierarchicalChunker(count, 20, factor=3), ParsedDocument(text))
    assert len(found) > 5
    assert max(count([parent])[0] for parent in found) > 40
    paragraphs = set(text.split("\n\n"))
    for parent, children in found.items():
        assert count([parent])[0] <= 60 and set(parent.split("\n\n")) <= paragraphs
        assert all(count([child])[0] <= 20 for child in children)


def test_a_paragraph_longer_than_a_parent_is_cut_at_sentences() -> None:
    text = "".join(f"Here are five words {number}. 还有中文{number}。" for number in range(60))
    found = families(HierarchicalChunker(count, 12), ParsedDocument(text))
    assert len(found) > 3 and all(parent[-1] in ".。" for parent in found)


def test_an_edit_leaves_the_other_parents_as_they_are() -> None:
    paragraphs = [f"Paragraph {n} has a few words. 第{n}段也有。" for n in range(200)]
    chunker = HierarchicalChunker(count, 16)
    before = families(chunker, ParsedDocument("\n\n".join(paragraphs)))
    paragraphs[3] += " And another sentence."
    after = families(chunker, ParsedDocument("\n\n".join(paragraphs)))
    assert len(before) > 20
    assert 0 < len(set(after) - set(before)) <= 8


def test_the_signature_names_sizes_and_factor() -> None:
    made = [HierarchicalChunker(count, *sizes) for sizes in ((64,), (65,), (64, 65), (64, None, 5))]
    assert len({chunker.signature for chunker in made}) == 4


def test_only_chunkers_that_have_parents_give_them() -> None:
    parsed = ParsedDocument("One. Two.\n\nThree.")
    plain, nested = RecursiveChunker(count, 2), HierarchicalChunker(count, 2)
    assert isinstance(nested, ParentChunker) and not isinstance(plain, ParentChunker)
    assert {parent for _, parent in split_with_parents(plain, parsed)} == {None}
    assert {chunk.parent for chunk in prepare(parsed, plain)} == {None}
    assert {chunk.parent for chunk in prepare(parsed, nested)} == {(0, len(parsed.text))}


def test_no_heading_stands_alone_where_its_first_sentence_fits() -> None:
    text, headings = "", []
    for number in range(60):  # some of the sentences are anchors
        headings.append(Heading(len(text), 1, f"H{number}"))
        text += f"# H{number}\n\nWords {number} come here. 还有{number}。 And more words of {number} after them.\n\n"
    found = families(HierarchicalChunker(count, 9), ParsedDocument(text, headings=tuple(headings)))
    assert len(found) == 60
    assert all(children[0].startswith("# H") and "Words" in children[0] for children in found.values())

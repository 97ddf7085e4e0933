"""What the recursive chunker adds to the contract."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from ingest.chunkers.base import Chunker
from ingest.chunkers.recursive import RecursiveChunker
from ragbot.documents import Heading, ParsedDocument

SIZE = 12
_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\s\u3400-\u9fff]{1,4}")


def count(texts: Sequence[str]) -> list[int]:
    """A token for a Han character, and for up to four others that stand together; white space costs nothing."""
    return [len(_TOKEN.findall(text)) for text in texts]


def chunks(chunker: Chunker, text: str) -> list[str]:
    """Chunks of a document whose headings are the lines that begin with ``#``."""
    found = re.finditer(r"(?m)^(#{1,3}) +(\S.*)$", text)
    parsed = ParsedDocument(text, headings=tuple(Heading(m.start(), len(m[1]), m[2]) for m in found))
    return [text[start:end] for start, end in chunker.split(parsed)]


@pytest.fixture
def recursive() -> Chunker:
    return RecursiveChunker(count, SIZE)


def test_whole_sentences_where_they_fit(recursive: Chunker) -> None:
    text = "The cat sat down. The dog ran off. 今天天气很好。我们去公园。"
    for chunk in chunks(recursive, text):
        assert chunk[-1] in ".。"


def test_long_sentences_are_cut_at_clauses(recursive: Chunker) -> None:
    text = "我们首先准备数据集合，然后训练模型参数，接着评测最终结果，最后写出报告内容。"
    found = chunks(recursive, text)
    assert len(found) > 1
    assert all(chunk[-1] in "，。" for chunk in found)


def test_small_paragraphs_share_a_chunk(recursive: Chunker) -> None:
    assert chunks(recursive, "One two.\n\nThree four.\n\n五六。") == ["One two.\n\nThree four.\n\n五六。"]


def test_a_paragraph_is_not_torn_to_fill_a_chunk(recursive: Chunker) -> None:
    text = "甲乙丙丁戊己。\n\n一二三四五。六七八九。"
    assert chunks(recursive, text) == ["甲乙丙丁戊己。", "一二三四五。六七八九。"]


def test_a_heading_goes_with_what_follows(recursive: Chunker) -> None:
    assert chunks(recursive, "# A\n\n## B\n\ntext\n\n# C\n\nmore") == ["# A\n\n## B\n\ntext", "# C\n\nmore"]


def test_signature_names_the_size() -> None:
    assert len({RecursiveChunker(count, *sizes).signature for sizes in ((64,), (65,), (64, 65))}) == 3


@pytest.mark.parametrize(("language", "size"), [("en", 8), ("", 8), ("zh", 32), ("ja", 32)])
def test_chinese_has_a_size_of_its_own(language: str, size: int) -> None:
    text = "".join(f"这是第{number}句。" for number in range(99))
    spans = RecursiveChunker(count, 8, 32).split(ParsedDocument(text, language=language))
    assert size // 2 < max(count([text[start:end]])[0] for start, end in spans) <= size

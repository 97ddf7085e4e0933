"""The contract of a chunker, run over every one there is; and what the recursive one adds."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunkers.base import Chunker, Span
from ingest.chunkers.recursive import RecursiveChunker
from ragbot.documents import Heading, ParsedDocument

SIZE = 12
_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\s\u3400-\u9fff]{1,4}")


def count(texts: Sequence[str]) -> list[int]:
    """A token for a Han character, and for up to four others that stand together; white space costs nothing."""
    return [len(_TOKEN.findall(text)) for text in texts]


CHUNKERS: dict[str, Callable[[], Chunker]] = {"recursive": lambda: RecursiveChunker(count, SIZE)}


@pytest.fixture(params=CHUNKERS, scope="module")
def chunker(request: pytest.FixtureRequest) -> Chunker:
    return CHUNKERS[request.param]()


def document(text: str) -> ParsedDocument:
    """A document whose headings are the lines that begin with ``#``."""
    found = re.finditer(r"(?m)^(#{1,3}) +(\S.*)$", text)
    return ParsedDocument(text, headings=tuple(Heading(m.start(), len(m[1]), m[2]) for m in found))


def check(parsed: ParsedDocument, spans: Sequence[Span]) -> None:
    text, position = parsed.text, 0
    in_headings = {i for h in parsed.headings for i in range(h.start, (text + "\n").index("\n", h.start))}
    for start, end in spans:
        assert position <= start < end <= len(text), "spans ascend and do not overlap"
        assert not text[position:start].strip(), "every character that is not white space lies in one"
        assert not text[start].isspace() and not text[end - 1].isspace(), "white space at the ends is left out"
        assert end - start == 1 or count([text[start:end]])[0] <= SIZE, "none is too large"
        for heading in parsed.headings:
            if start < heading.start < end:
                before = range(start, heading.start)
                assert all(i in in_headings or text[i].isspace() for i in before), "none reaches over a heading"
        position = end
    assert not text[position:].strip()


BLOCKS = st.sampled_from(
    ["# One", "## 二", "中文句子很短。", "这是一个很长的中文句子，里面有逗号，还有分号；一直不停", "A short one.",
     "A much longer English sentence with many words, and commas; it goes on and on without an end",
     "x" * 70, "- item", "| a | b |", "e.g. Dr. No.", "😀" * 20, "\u3000", "   ", "字" * 40, "1. First"]
)  # fmt: skip
JOINTS = st.sampled_from(["\n\n", "\n", " ", "", "\n \n\n", "\t"])


@given(st.lists(st.tuples(BLOCKS, JOINTS), max_size=14))
def test_contract(chunker: Chunker, parts: list[tuple[str, str]]) -> None:
    parsed = document("".join(block + joint for block, joint in parts))
    check(parsed, chunker.split(parsed))


@given(st.text(max_size=150))
def test_contract_for_any_text(chunker: Chunker, text: str) -> None:
    parsed = document(text)
    check(parsed, chunker.split(parsed))


@pytest.mark.parametrize("text", ["", " \n\t\u3000 ", "\n" * 1000])
def test_nothing(chunker: Chunker, text: str) -> None:
    assert chunker.split(ParsedDocument(text)) == []


def test_same_every_time(chunker: Chunker) -> None:
    parsed = document("# A\n\nOne two three. 四五六七八九十。\n\n" * 20)
    assert chunker.split(parsed) == chunker.split(parsed)
    assert chunker.signature == chunker.signature != ""


def chunks(chunker: Chunker, text: str) -> list[str]:
    return [text[start:end] for start, end in chunker.split(document(text))]


SECTIONS = [
    f"# Section {n}\n\n" + f"Sentence one of section {n}, rather long. 第{n}节的中文句子。Another one here.\n\n" * 3
    for n in range(8)
]


@pytest.mark.parametrize("at", [0, 3, 7])
@pytest.mark.parametrize("edit", ["A sentence put in front. ", "字", "\n\n\n"])
def test_an_edit_in_one_section_leaves_the_others_as_they_were(chunker: Chunker, at: int, edit: str) -> None:
    before = [chunks(chunker, section) for section in SECTIONS]
    assert chunks(chunker, "".join(SECTIONS)) == [chunk for section in before for chunk in section]
    edited = list(SECTIONS)
    heading, _, body = edited[at].partition("\n\n")
    edited[at] = f"{heading}\n\n{edit}{body}"
    after = chunks(chunker, "".join(edited))
    for number, section in enumerate(before):
        if number != at:
            assert any(after[i : i + len(section)] == section for i in range(len(after)))


@pytest.mark.parametrize(
    "line",
    [
        "word " * 200_000,
        "字" * 350_000,
        "很长的一句，没有句号，" * 30_000,
        "x" * 1_000_000,
        "a,b;c " * 160_000,
        "." * 1_000_000,
    ],
    ids=["words", "han", "clauses", "one word", "marks", "dots"],
)
def test_a_line_of_a_megabyte_takes_seconds(chunker: Chunker, line: str) -> None:
    started = time.process_time()
    spans = chunker.split(ParsedDocument(line))
    assert time.process_time() - started < 15
    check(ParsedDocument(line), spans)


def test_thousands_of_headings_take_seconds(chunker: Chunker) -> None:
    parsed = document("".join(f"## Heading {n}\n\nText {n}.\n\n" for n in range(10_000)))
    started = time.process_time()
    assert len(chunker.split(parsed)) == 10_000
    assert time.process_time() - started < 15


# -- the recursive one -----------------------------------------------------------------------------------------------


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
    text = "这是第一句。这是第二句。" * 20
    spans = RecursiveChunker(count, 8, 32).split(ParsedDocument(text, language=language))
    assert size // 2 < max(count([text[start:end]])[0] for start, end in spans) <= size

"""The contract of a chunker, run over every one that has a name."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunkers.base import Chunker, Span, split_with_parents
from ingest.chunkers.registry import CHUNKERS, make_chunker
from ingest.chunkers.sections import sections
from ragbot.documents import Heading, ParsedDocument
from ragbot.errors import UserError
from ragbot.models.testing import HashEmbedder
from ragbot.sections.ingest import ChunkerName

SIZE = 12
_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\s\u3400-\u9fff]{1,4}")


def count(texts: Sequence[str]) -> list[int]:
    """A token for a Han character, and for up to four others that stand together; white space costs nothing."""
    return [len(_TOKEN.findall(text)) for text in texts]


class Counting(HashEmbedder):
    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return count(texts)


@pytest.fixture(params=CHUNKERS, scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def chunker(name: str) -> Chunker:
    return make_chunker(name, Counting(), SIZE)


def document(text: str) -> ParsedDocument:
    """A document whose headings are the lines that begin with ``#``."""
    found = re.finditer(r"(?m)^(#{1,3}) +(\S.*)$", text)
    return ParsedDocument(text, headings=tuple(Heading(m.start(), len(m[1]), m[2]) for m in found))


def check(parsed: ParsedDocument, spans: Sequence[Span], name: str, size: int = SIZE) -> None:
    text, position = parsed.text, 0
    for start, end in spans:
        assert position <= start < end <= len(text), "spans ascend and do not overlap"
        assert not text[position:start].strip(), "every character that is not white space lies in one"
        assert not text[start].isspace() and not text[end - 1].isspace(), "white space at the ends is left out"
        assert end - start == 1 or count([text[start:end]])[0] <= size, "none is too large"
        position = end
    assert not text[position:].strip()
    check_headings(parsed, spans, name)


def check_headings(parsed: ParsedDocument, spans: Sequence[Span], name: str) -> None:
    """None reaches over a heading; the chunker of headings may, from one whole section to the next of its parent."""
    if name == "code":  # there they are definitions, and a class holds its methods
        return
    parts = list(sections(parsed))
    for start, end in spans:
        inside = [
            part
            for part in parts
            if start < part.end and part.start < end and parsed.text[part.start : part.end].strip()
        ]
        if name == "headings" and len(inside) > 1:
            assert len({part.parent for part in inside}) == 1
            assert not parsed.text[inside[0].start : start].strip() and not parsed.text[end : inside[-1].end].strip()
        else:
            assert len(inside) == 1


def check_parents(parsed: ParsedDocument, chunker: Chunker, spans: Sequence[Span]) -> None:
    """A parent holds its chunks whole, keeps to one section, and ends where the next begins, at the earliest."""
    pairs = split_with_parents(chunker, parsed)
    assert [span for span, _ in pairs] == list(spans)
    parents = list(dict.fromkeys(parent for _, parent in pairs if parent))
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(parents)), "they ascend and do not overlap"
    for (start, end), parent in pairs:
        assert parent is None or parent[0] <= start < end <= parent[1]
    for start, end in parents:
        inside = [(a, b) for (a, b), parent in pairs if parent == (start, end)]
        assert (inside[0][0], inside[-1][1]) == (start, end), "it begins and ends with its chunks"
        assert sum(part.start < end and start < part.end for part in sections(parsed)) == 1


BLOCKS = st.sampled_from(
    ["# One", "## 二", "中文句子很短。", "这是一个很长的中文句子，里面有逗号，还有分号；一直不停", "A short one.",
     "A much longer English sentence with many words, and commas; it goes on and on without an end",
     "x" * 70, "- item", "| a | b |", "e.g. Dr. No.", "😀" * 20, "\u3000", "   ", "字" * 40, "1. First"]
)  # fmt: skip
JOINTS = st.sampled_from(["\n\n", "\n", " ", "", "\n \n\n", "\t"])


@given(st.lists(st.tuples(BLOCKS, JOINTS), max_size=14))
def test_contract(name: str, chunker: Chunker, parts: list[tuple[str, str]]) -> None:
    parsed = document("".join(block + joint for block, joint in parts))
    spans = chunker.split(parsed)
    check(parsed, spans, name)
    check_parents(parsed, chunker, spans)


@given(st.text(max_size=150))
def test_contract_for_any_text(name: str, chunker: Chunker, text: str) -> None:
    parsed = document(text)
    check(parsed, chunker.split(parsed), name)


def test_a_heading_keeps_no_white_space(name: str, chunker: Chunker) -> None:
    parsed = document("# One \u3000\n这是一个很长的中文句子，里面有逗号，还有分号；一直不停")
    check(parsed, chunker.split(parsed), name)


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
def test_a_line_of_a_megabyte_takes_seconds(name: str, chunker: Chunker, line: str) -> None:
    started = time.process_time()
    spans = chunker.split(ParsedDocument(line))
    assert time.process_time() - started < 15
    check(ParsedDocument(line), spans, name)


def test_thousands_of_headings_take_seconds(chunker: Chunker) -> None:
    parsed = document("".join(f"## Heading {n}\n\nText {n}.\n\n" for n in range(10_000)))
    started = time.process_time()
    assert len(chunker.split(parsed)) > 5_000
    assert time.process_time() - started < 15


@pytest.mark.slow
@pytest.mark.parametrize("line", ["x" * 10_000_000, "no stop here, " * 700_000], ids=["one word", "clauses"])
def test_a_line_of_ten_megabytes_takes_seconds(name: str, line: str) -> None:
    started = time.process_time()
    assert len(make_chunker(name, Counting(), 512).split(ParsedDocument(line))) > 1000
    assert time.process_time() - started < 30


@pytest.mark.parametrize("character", ["a", "字", "。", "#", "\U0001f600", "|", "\x1c", "\u200b"])
def test_one_character(name: str, chunker: Chunker, character: str) -> None:
    expected = [] if character.isspace() else [(0, 1)]
    assert chunker.split(ParsedDocument(character)) == expected
    assert chunker.split(ParsedDocument(f"\n {character}\n")) == [(start + 2, end + 2) for start, end in expected]


DOCUMENTS = {
    "markdown": "# Guide\n\nHow to *begin*: install it, then run it.\n\n- one item\n- another item\n\n## 安装\n\n请先安装依赖，再运行程序。\n\n"
    "```sh\nmake install\nmake run\n```\n\n## Use\n\nAsk a question. Read the answer.\n\n# 附录\n\n没有了。\n",
    "code": "import os\n\nLIMIT = 10\n\n\ndef first(value):\n    \"\"\"说明。\"\"\"\n    return value + LIMIT\n\n\n# what it is\nclass Box:\n    "
    "def put(self, thing):\n        self.things.append(thing)\n\n    def take(self):\n        return self.things.pop()\n",
    "table": "Prices!A1:C4\n\nName · Price · Note\n\n" + "".join(f"Name: 物品{n} · Price: {n}.50 · Note: fine\n\n" for n in range(9)),
}  # fmt: skip


@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.parametrize("size", [1, 5, SIZE, 40, 1000])
def test_kinds_of_documents(name: str, kind: str, size: int) -> None:
    parsed = document(DOCUMENTS[kind])
    check(parsed, make_chunker(name, Counting(), size).split(parsed), name, size)


def words(seed: int, number: int) -> str:
    made = random.Random(seed)
    return " ".join(
        made.choice(["data", "of", "模型", "训练", "question", "a", "system", "检索"]) for _ in range(number)
    )


def sentence(seed: int) -> str:
    return words(seed, random.Random(seed).randint(3, 9)).capitalize() + random.Random(seed).choice([". ", "。"])


SHAPES = {
    "paragraphs": lambda n: "".join(sentence(10 * n + i) for i in range(4)) + "\n\n",
    "rows": lambda n: (
        f"Name: thing {n} · Price: {n}\n\n"
    ),  # all of one size: where filling up alone would never find back
    "log": lambda n: f"2024-05-01 12:00:00 INFO server.module.component.worker 处理请求 {n}\n\n",
    "lines": lambda n: f"set {words(n, 3)}\n",
    "sections": lambda n: f"## Part {n}\n\n{sentence(n)}\n\n",
    "one paragraph": sentence,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("at", [5, 200])
def test_an_edit_changes_only_what_is_near(name: str, shape: str, at: int) -> None:
    chunker = make_chunker(name, Counting(), 40)
    parts = [SHAPES[shape](n) for n in range(400)]
    before = chunks(chunker, "".join(parts))
    parts[at] = "Quite another 句子 in this place.\n\n" + parts[at]
    after = chunks(chunker, "".join(parts))
    new = Counter(after) - Counter(before)
    assert 0 < new.total() <= 24 and len(before) > 30


@pytest.mark.parametrize("name", sorted(set(CHUNKERS) - {"sentences", "semantic"}))
@pytest.mark.parametrize("same", [False, True])
def test_rows_that_begin_alike_share_chunks(name: str, same: bool) -> None:
    chunker = make_chunker(name, Counting(), 60)
    for number in range(40):  # one of 16 beginnings is an anchor
        row = f"2024-05-{number} 12:00:00 INFO server.module.worker 处理请求 and answered it "
        assert len(chunks(chunker, "".join(f"{row}{0 if same else n}\n\n" for n in range(40)))) < 30


def test_names_are_those_of_the_setting() -> None:
    assert set(get_args(ChunkerName)) == set(CHUNKERS)
    with pytest.raises(UserError, match="there are: recursive, "):
        make_chunker("nonsense", HashEmbedder(), 96)


def test_signatures_tell_chunkers_and_sizes_apart() -> None:
    sizes = ((64, None), (65, None), (64, 65))
    assert len({make_chunker(n, HashEmbedder(), *s).signature for n in CHUNKERS for s in sizes}) == 3 * len(CHUNKERS)


def test_chinese_documents_have_a_size_of_their_own(name: str) -> None:
    chunker = make_chunker(name, Counting(), 8, 32)
    text = "一二三四五六七八九十甲乙丙丁戊己庚。" * 20
    largest = {
        tag: max(count([text[a:b]])[0] for a, b in chunker.split(ParsedDocument(text, language=tag)))
        for tag in ("en", "zh")
    }
    assert largest["en"] <= 8 < largest["zh"] <= 32

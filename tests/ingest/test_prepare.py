"""What is stored of a chunk beside its span."""

from __future__ import annotations

from ingest.chunkers.base import Span
from ingest.chunkers.recursive import RecursiveChunker
from ingest.prepare import embedded_text, prepare, with_line
from ragbot.documents import Heading, ParsedDocument, heading_path, page_at


class Fixed:
    signature = "fixed"

    def __init__(self, *spans: Span) -> None:
        self._spans = list(spans)

    def split(self, document: ParsedDocument) -> list[Span]:
        return self._spans


TEXT = "intro\n\n# A\n\none\n\n## B\n\ntwo\n\n# C\n\n### D\n\nthree"
HEADINGS = tuple(Heading(TEXT.index(mark), mark.count("#"), mark[-1]) for mark in ("# A", "## B", "# C", "### D"))


def spans(*parts: str) -> list[Span]:
    return [(TEXT.index(part), TEXT.index(part) + len(part)) for part in parts]


def test_heading_paths() -> None:
    chunks = prepare(
        ParsedDocument(TEXT, title="T", headings=HEADINGS),
        Fixed(*spans("intro", "# A\n\none", "## B\n\ntwo", "# C\n\n### D\n\nthree")),
    )
    assert [chunk.headings for chunk in chunks] == [(), ("A",), ("A", "B"), ("C", "D")]
    assert [chunk.prefix for chunk in chunks] == ["T", "T > A", "T > A > B", "T > C > D"]


def test_heading_that_comes_after_text_is_not_its_path() -> None:
    (chunk,) = prepare(ParsedDocument(TEXT, headings=HEADINGS), Fixed((0, len(TEXT))))
    assert chunk.headings == ()
    (chunk,) = prepare(ParsedDocument(TEXT, headings=HEADINGS), Fixed((TEXT.index("# A"), TEXT.index("# C"))))
    assert chunk.headings == ("A",)


def test_sections_that_share_a_chunk_have_the_path_that_they_share() -> None:
    text = "# 甲\n\n## B\n\none\n\n## 丙\n\ntwo\n\n# D\n\nthree"
    headings = tuple(Heading(text.index(mark), mark.count("#"), mark[-1]) for mark in ("# 甲", "## B", "## 丙", "# D"))
    parsed = ParsedDocument(text, headings=headings)
    end = text.index("# D")
    for start, stop, path in (
        (0, end, ("甲",)),
        (text.index("## B"), end, ("甲",)),
        (text.index("## 丙"), end, ("甲", "丙")),
        (0, len(text), ()),
    ):
        assert prepare(parsed, Fixed((start, stop)))[0].headings == path


def test_title_that_is_the_first_heading_stands_once() -> None:
    (chunk,) = prepare(ParsedDocument(TEXT, title="A", headings=HEADINGS), Fixed(*spans("two")))
    assert (chunk.headings, chunk.prefix) == (("A", "B"), "A > B")


def test_without_title() -> None:
    first, second = prepare(ParsedDocument(TEXT, headings=HEADINGS), Fixed(*spans("intro", "one")))
    assert (first.prefix, second.prefix) == ("", "A")


def test_pages() -> None:
    parsed = ParsedDocument("aa\n\nbb\n\ncc", pages=(0, 4, 4, 8))
    chunks = prepare(parsed, Fixed((0, 2), (4, 6), (8, 10)))
    assert [chunk.page for chunk in chunks] == [1, 3, 4]
    assert [chunk.page for chunk in prepare(ParsedDocument("aa"), Fixed((0, 2)))] == [None]
    assert page_at((5,), 0) == 1


def test_what_is_embedded_decides_the_hash() -> None:
    assert embedded_text("T > A", "one") == "T > A\none"
    assert embedded_text("", "one") == "one"
    one = ParsedDocument("same\n\nsame\n\nother", title="T")
    first, second, third = prepare(one, Fixed((0, 4), (6, 10), (12, 17)))
    assert first.embedded_hash == second.embedded_hash != third.embedded_hash
    (renamed, *_) = prepare(ParsedDocument(one.text, title="U"), Fixed((0, 4)))
    assert renamed.embedded_hash != first.embedded_hash


def test_without_titles_the_headings_are_kept_and_not_embedded() -> None:
    document = ParsedDocument(TEXT, title="T", headings=HEADINGS)
    (chunk,) = prepare(document, Fixed(*spans("two")), titles=False)
    assert (chunk.headings, chunk.prefix) == (("A", "B"), "")
    (bare,) = prepare(ParsedDocument("two"), Fixed((0, 3)))
    assert chunk.embedded_hash == bare.embedded_hash


def test_a_line_in_front() -> None:
    document = ParsedDocument(TEXT, title="T", headings=HEADINGS)
    (chunk,) = prepare(document, Fixed(*spans("two")))
    lined = with_line(chunk, "讲的是二。", document)
    assert lined.prefix == "T > A > B\n讲的是二。" and lined.headings == chunk.headings
    (renamed,) = prepare(ParsedDocument("two", title=lined.prefix), Fixed((0, 3)))
    assert lined.embedded_hash == renamed.embedded_hash != chunk.embedded_hash
    assert with_line(chunk, "", document) == chunk
    (bare,) = prepare(ParsedDocument("two"), Fixed((0, 3)))
    assert with_line(bare, "Line.", ParsedDocument("two")).prefix == "Line."


def test_paths_under_many_headings() -> None:
    lines, headings, start = [], [], 0
    for number in range(300):
        line = f"{'#' * (1 + number * number % 5)} H{number}\n\ntext {number}\n\n"
        headings.append(Heading(start, 1 + number * number % 5, f"H{number}"))
        lines.append(line)
        start += len(line)
    text = "".join(lines)
    chunks = [(text.index(f"text {n}\n"), text.index(f"text {n}\n") + 6) for n in range(300)]
    made = prepare(ParsedDocument(text, headings=tuple(headings)), Fixed(*chunks))
    assert [chunk.headings for chunk in made] == [heading_path(headings, begin) for begin, _ in chunks]


def test_with_the_real_chunker() -> None:
    chunker = RecursiveChunker(lambda texts: [len(text) for text in texts], 16)
    chunks = prepare(ParsedDocument(TEXT, title="T", headings=HEADINGS), chunker)
    for chunk in chunks:
        text = TEXT[chunk.start : chunk.end]
        assert heading_path(HEADINGS, chunk.end - 1) == chunk.headings, text

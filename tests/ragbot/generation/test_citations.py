"""Citations: the quote is the document's text at its offsets, and says where it stands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.documents import Document, Heading, Passage
from ragbot.generation.citations import cite
from ragbot.generation.markers import Markers

TEXT = (
    "# 总则\n本办法自二〇二四年起施行。押金为五百元😀，退租后七日内退还！\n\n"
    "## Deposit\nThe deposit is 500 euros. It is returned within seven days, e.g. by transfer.\n\n"
    "| item | price |\n| lamp | 20 |\n\n第三页的内容在这里。Last words"
)
PAGES = (0, TEXT.index("## Deposit"), TEXT.index("第三页"))
OUTLINE = (Heading(0, 1, "总则"), Heading(TEXT.index("## Deposit"), 2, "Deposit"))
DOCUMENT = Document(7, "/rules.md", "规则", "md", "zh", None, "h")


def passage(start: int = 0, end: int = len(TEXT)) -> Passage:
    return Passage(DOCUMENT, TEXT[start:end], start, end, 1, ("总则",), 1.0, PAGES, OUTLINE)


@pytest.mark.parametrize(
    ("claim", "quote", "page", "heading"),
    [
        ("押金是五百元 [1]", "押金为五百元😀，退租后七日内退还！", 1, "总则"),
        ("The deposit is 500 euros [1].", "The deposit is 500 euros.", 2, "总则 > Deposit"),
        (
            "It comes back within seven days. [1]",
            "It is returned within seven days, e.g. by transfer.",
            2,
            "总则 > Deposit",
        ),
        ("lamp: 20 [1]", "| lamp | 20 |", 2, "总则 > Deposit"),
        ("内容在第三页。 [1]", "第三页的内容在这里。", 3, "总则 > Deposit"),
    ],
)
def test_the_sentence_that_carries_the_claim(claim: str, quote: str, page: int, heading: str) -> None:
    (citation,) = cite(claim, [1], [passage()], "question")
    assert citation.quote == quote == TEXT[citation.start : citation.end]
    assert (citation.page, citation.heading) == (page, heading)
    assert (citation.marker, citation.source, citation.title, citation.document_id) == (1, "/rules.md", "规则", 7)


def test_passage_without_a_map() -> None:
    bare = Passage(DOCUMENT, TEXT, 0, len(TEXT), 4, ("A", "B"), 1.0)
    (citation,) = cite("押金 [1]", [1], [bare], "")
    assert (citation.page, citation.heading) == (4, "A > B")


def test_question_decides_where_the_languages_differ() -> None:
    english = passage(TEXT.index("The deposit"), TEXT.index("| item"))
    (citation,) = cite("押金七天后退还 [1]", [1], [english], "When is it returned?")
    assert citation.quote.startswith("It is returned")


def test_markers_stand_for_passages() -> None:
    first, second = passage(0, 30), passage(TEXT.index("The deposit"))
    citations = cite("押金五百元 [1]. 500 euros [2].", [2, 1], [first, second], "")
    assert [citation.marker for citation in citations] == [1, 2]
    assert citations[0].start >= second.start and citations[1].end <= first.end


def test_one_claim_with_several_markers_and_one_quote_twice() -> None:
    both = [passage(), passage(TEXT.index("The deposit"))]
    citations = cite("The deposit is 500 euros [1] [2]. Again: deposit 500 euros [1]", [1, 2], both, "")
    assert [(citation.marker, citation.quote) for citation in citations] == [
        (1, "The deposit is 500 euros."),
        (2, "The deposit is 500 euros."),
    ]


def test_no_markers() -> None:
    assert cite("Nothing is cited here.", [], [passage()], "") == ()


def test_what_looks_like_a_marker_but_is_none() -> None:
    # Around a dropped marker, the rest can close up to what looks like one.
    text = "".join((markers := Markers(1)).filter(["[[9]1] and [1]"]))
    assert [citation.marker for citation in cite(text, markers.numbers, [passage()], "")] in ([1], [])
    assert cite("[0] [5]", [1], [passage()], "") == ()


@pytest.fixture
def windows() -> Iterator[list[Passage]]:
    yield [passage(), passage(10, 60), passage(50)]


WORDS = st.sampled_from(
    ["deposit ", "押金", "500", " [1]", "[2]", "[3]", "[4]", ". ", "。", "\n", "xyz", "[i]", "【2】"]
)


@given(
    st.lists(WORDS, max_size=25).map("".join), st.text(max_size=10), st.integers(0, len(TEXT) - 1), st.integers(1, 90)
)
def test_every_quote_is_the_documents_text(answer: str, question: str, start: int, length: int) -> None:
    passages = [passage(), passage(start, min(start + length, len(TEXT))), passage(50)]
    markers = Markers(len(passages))
    text = "".join(markers.filter([answer]))
    for citation in cite(text, markers.numbers, passages, question):
        assert citation.quote == TEXT[citation.start : citation.end]
        assert 1 <= citation.marker <= len(markers.numbers)
        chosen = passages[markers.numbers[citation.marker - 1] - 1]
        assert chosen.start <= citation.start <= citation.end <= chosen.end
        assert f"[{citation.marker}]" in text

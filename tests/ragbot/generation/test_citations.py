"""Citations: the quote is the document's text at its offsets, and says where it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.documents import Citation, Document, Heading, Passage
from ragbot.generation.citations import Citations
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


def cite(answer: str, passages: list[Passage], question: str = "question") -> tuple[str, tuple[Citation, ...]]:
    citations = Citations(passages, question)
    return "".join(Markers(citations.mark).filter([answer])), citations.found


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
    _, (citation,) = cite(claim, [passage()])
    assert citation.quote == quote == TEXT[citation.start : citation.end]
    assert (citation.page, citation.heading) == (page, heading)
    assert (citation.marker, citation.source, citation.title, citation.document_id) == (1, "/rules.md", "规则", 7)


def test_passage_without_a_map() -> None:
    bare = Passage(DOCUMENT, TEXT, 0, len(TEXT), 4, ("A", "B"), 1.0)
    _, (citation,) = cite("押金 [1]", [bare])
    assert (citation.page, citation.heading) == (4, "A > B")


def test_question_decides_where_the_languages_differ() -> None:
    english = passage(TEXT.index("The deposit"), TEXT.index("| item"))
    _, (citation,) = cite("押金七天后退还 [1]", [english], "When is it returned?")
    assert citation.quote.startswith("It is returned")


def test_markers_are_numbered_as_they_appear() -> None:
    first, second = passage(0, 30), passage(TEXT.index("The deposit"))
    text, citations = cite("500 euros [2]. 押金五百元 [1].", [first, second])
    assert text == "500 euros [1]. 押金五百元 [2]."
    assert [citation.marker for citation in citations] == [1, 2]
    assert citations[0].start >= second.start and citations[1].end <= first.end


def test_a_marker_is_one_quote() -> None:
    text, citations = cite(
        "The deposit is 500 euros [1]. It is returned in seven days [1]. 500 euros deposit [1]", [passage()]
    )
    assert text == "The deposit is 500 euros [1]. It is returned in seven days [2]. 500 euros deposit [1]"
    assert [citation.quote for citation in citations] == [
        "The deposit is 500 euros.",
        "It is returned within seven days, e.g. by transfer.",
    ]


def test_one_quote_in_two_passages_is_one_citation() -> None:
    both = [passage(), passage(TEXT.index("The deposit"))]
    text, citations = cite("The deposit is 500 euros [1] [2].", both)
    assert text == "The deposit is 500 euros [1] [1]."
    assert [citation.quote for citation in citations] == ["The deposit is 500 euros."]


def test_no_markers() -> None:
    assert cite("Nothing is cited here.", [passage()]) == ("Nothing is cited here.", ())


def test_what_looks_like_a_marker_but_is_none() -> None:
    assert cite("[0] [5]", [passage()]) == ("[0]", ())
    assert len(cite("[[9]1] and [1]", [passage()])[1]) == 1


WORDS = st.sampled_from(
    ["deposit ", "押金", "500", " [1]", "[2]", "[3]", "[4]", ". ", "。", "\n", "xyz", "[i]", "【2】"]
)


@given(
    st.lists(WORDS, max_size=25).map("".join), st.text(max_size=10), st.integers(0, len(TEXT) - 1), st.integers(1, 90)
)
def test_every_quote_is_the_documents_text(answer: str, question: str, start: int, length: int) -> None:
    passages = [passage(), passage(start, min(start + length, len(TEXT))), passage(50)]
    text, citations = cite(answer, passages, question)
    assert [citation.marker for citation in citations] == list(range(1, len(citations) + 1))
    for citation in citations:
        assert citation.quote == TEXT[citation.start : citation.end]
        assert any(p.start <= citation.start <= citation.end <= p.end for p in passages)
        assert f"[{citation.marker}]" in text

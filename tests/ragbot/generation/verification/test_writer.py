"""An answer as it is written: the same text however it is cut, only markers with a citation, claims at their places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.documents import Document, Passage
from ragbot.generation.markers import MARKER, numbers_of
from ragbot.generation.verification.writer import Writer

TEXT = (
    "The deposit is 500 euros. It is returned within seven days. 押金为五百元，退租后七日内退还。窗户在冬天不能打开。\n\n"
    "| item | price |\n| lamp | 20 |\n\nThe lamp costs 20 euros."
)
DOCUMENT = Document(7, "/rules.md", "规则", "md", "zh", None, "h")
REFUSAL = "The documents do not answer this."


def passage(start: int = 0, end: int = len(TEXT)) -> Passage:
    return Passage(DOCUMENT, TEXT[start:end], start, end, 1, (), 1.0)


PASSAGES = [
    passage(0, TEXT.index("押金")),
    passage(TEXT.index("押金"), TEXT.index("|")),
    passage(TEXT.index("The lamp")),
]


def written(text: str, size: int | None = None, strict: bool = False, question: str = "") -> tuple[str, Writer]:
    writer = Writer(PASSAGES, question, REFUSAL, strict)
    pieces = [text[i : i + size] for i in range(0, len(text), size)] if size else [text]
    return "".join(writer.write(pieces)), writer


@pytest.mark.parametrize("size", [None, 1, 2, 5])
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("The deposit is 500 euros [1].", "The deposit is 500 euros [1]."),
        ("The deposit is 500 euros.", "The deposit is 500 euros [1]."),
        ("The deposit is 500 euros. [1] It is returned within seven days.", "The deposit is 500 euros. [1] It is returned within seven days [2]."),
        ("The deposit is 500 euros [3].", "The deposit is 500 euros [1]."),
        ("The deposit is 500 euros [1][3][9].", "The deposit is 500 euros [1]."),
        ("According to [1], the deposit is 500 euros.", "According to [1], the deposit is 500 euros."),
        ("The deposit is 500 euros [1] and the lamp costs 20 euros [3].", "The deposit is 500 euros [1] and the lamp costs 20 euros [2]."),
        ("押金为五百元【2】。窗户在冬天不能打开", "押金为五百元 [1]。窗户在冬天不能打开 [2]"),
        ("- The deposit is 500 euros\n- The lamp costs 20 euros\n", "- The deposit is 500 euros [1]\n- The lamp costs 20 euros [2]\n"),
        ("Is it? Nobody knows the moon [9].", "Is it? Nobody knows the moon."),
        ("500 [1]", "500 [1]"),
        (f"{REFUSAL} [1]", REFUSAL),
        ("# 押金\n\n押金为五百元。", "# 押金\n\n押金为五百元 [1]。"),
    ],
)  # fmt: skip
def test_markers(said: str, shown: str, size: int | None) -> None:
    text, writer = written(said, size)
    assert text == shown
    for citation in writer.citations:
        assert citation.quote == TEXT[citation.start : citation.end]


def test_claims() -> None:
    text, writer = written(
        "Sure! The deposit is 600 euros [1]. It is returned within seven days. 窗户在冬天能打开 [2]。"
    )
    found = [(claim.status, text[claim.start : claim.end], claim.citations) for claim in writer.claims]
    assert found == [
        ("unchecked", "Sure!", ()),
        ("unsupported", "The deposit is 600 euros [1].", (1,)),
        ("supported", "It is returned within seven days [2].", (2,)),
        ("unsupported", "窗户在冬天能打开 [3]。", (3,)),
    ]
    assert writer.claims[1].text == "The deposit is 600 euros."
    assert [finding.kind for claim in writer.claims for finding in claim.findings] == ["number", "negation"]
    assert writer.seconds > 0


@pytest.mark.parametrize("size", [None, 1, 3])
def test_strict_leaves_out_what_is_not_supported(size: int | None) -> None:
    said = "The deposit is 600 euros [1]. It is returned within seven days [1]. Bananas are blue [2]. 窗户在冬天不能打开 [2]。"
    text, writer = written(said, size, strict=True)
    assert text == "It is returned within seven days [1]. 窗户在冬天不能打开 [2]。"
    assert [citation.marker for citation in writer.citations] == [1, 2]
    assert [(claim.text, claim.start == claim.end) for claim in writer.claims] == [
        ("The deposit is 600 euros.", True),
        ("It is returned within seven days.", False),
        ("Bananas are blue.", True),
        ("窗户在冬天不能打开。", False),
    ]


def test_strict_removes_the_whole_sentence_and_its_citations() -> None:
    text, writer = written("The deposit is 500 euros [1] and bananas are always blue [2].", strict=True)
    assert (text, writer.citations) == ("", ())


def test_strict_holds_a_sentence_until_it_is_checked() -> None:
    writer = Writer(PASSAGES, "", REFUSAL, strict=True)
    seen = []
    for piece in writer.write(
        ["The deposit ", "is 600 ", "euros. It ", "is returned ", "within seven days. ", "Bananas"]
    ):
        seen.append(piece)
    assert "".join(seen) == "It is returned within seven days [1]."
    assert seen[:3] == ["", "", ""]  # a moment to stop, and no text


def test_words_are_shown_as_they_come() -> None:
    writer = Writer(PASSAGES, "", REFUSAL)
    stream = writer.write(["The deposit", " is 500", " euros [1]", "."])
    assert next(stream) == "The deposit"
    assert next(stream) == " is 500"
    assert "".join(stream) == " euros [1]."


def test_a_short_answer_has_its_place_in_the_quote() -> None:
    text, writer = written("seven days [1]", question="When is it returned?")
    (citation,) = writer.citations
    assert text == "seven days [1]" and citation.focus
    assert citation.quote == "It is returned within seven days."
    assert TEXT[slice(*citation.focus)] == "seven days"


WORDS = st.sampled_from(
    ["The deposit ", "is ", "500 ", "600 ", "euros", "押金", "为五百元", "不", " [1]", "[2]", "[3][9]", "【2】", ". ", "。", "\n", "\n- ",
     "? ", "…", "[", "] ", "1. ", "# ", "“", "”", "\ufdd0", "|", REFUSAL]
)  # fmt: skip


@given(st.lists(WORDS, max_size=20).map("".join), st.booleans(), st.data())
def test_any_answer(said: str, strict: bool, data: st.DataObject) -> None:
    text, writer = written(said, strict=strict)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(said)), max_size=8)))
    cut = Writer(PASSAGES, "", REFUSAL, strict)
    pieces = [said[a:b] for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True)]
    assert "".join(cut.write(pieces)) == text
    assert (cut.claims, cut.citations) == (writer.claims, writer.citations)
    shown = {number for match in MARKER.finditer(text) for number in numbers_of(match)}
    assert shown == {citation.marker for citation in writer.citations} == set(range(1, len(shown) + 1))
    assert all(citation.quote == TEXT[citation.start : citation.end] for citation in writer.citations)
    ends = [0]
    for claim in writer.claims:
        assert ends[-1] <= claim.start <= claim.end <= len(text)
        assert set(claim.citations) <= shown
        if claim.end > claim.start:
            assert not text[claim.start].isspace() and not text[claim.end - 1].isspace()
        ends.append(claim.end)

"""Markers in a stream: the same text however it is cut, and only markers that name a passage."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragbot.generation.markers import Markers


class Numbering:
    """Numbers passages as they are named; keeps the claims that it was told."""

    def __init__(self, passages: int) -> None:
        self.passages = passages
        self.numbers: list[int] = []
        self.claims: list[str] = []

    def mark(self, claim: str, number: int) -> int | None:
        self.claims.append(claim)
        if not 1 <= number <= self.passages:
            return None
        if number not in self.numbers:
            self.numbers.append(number)
        return self.numbers.index(number) + 1


def pieces_of(text: str, pieces: list[str], passages: int) -> tuple[str, list[int]]:
    numbering = Numbering(passages)
    return "".join(Markers(numbering.mark).filter(pieces)), numbering.numbers


def run(text: str, passages: int = 5, size: int | None = None) -> tuple[str, list[int]]:
    pieces = [text[i : i + size] for i in range(0, len(text), size)] if size else [text]
    return pieces_of(text, pieces, passages)


@pytest.mark.parametrize("size", [None, 1, 2, 3])
@pytest.mark.parametrize(
    ("text", "expected", "numbers"),
    [
        ("A [2]. B [5]. C [2].", "A [1]. B [2]. C [1].", [2, 5]),
        ("A[1]", "A [1]", [1]),
        ("甲【2】。乙［3］。", "甲 [1]。乙 [2]。", [2, 3]),
        ("A [1, 3] B", "A [1] [2] B", [1, 3]),
        ("甲[1、3，2]", "甲 [1] [2] [3]", [1, 3, 2]),
        ("A [passage 2] [Passages 2, 3] 【段落4】", "A [1] [1] [2] [3]", [2, 3, 4]),
        ("A [ 1 ]", "A [1]", [1]),
        ("A [１]", "A [1]", [1]),
        # Those that name nothing are dropped, with the space in front.
        ("A [9] B.", "A B.", []),
        ("in [0, 1] and a[0]", "in [0, 1] and a[0]", []),
        ("A [1, 9]", "A [1]", [1]),
        # What only looks alike is text.
        ("array[i] = x[j + 1]", "array[i] = x[j + 1]", []),
        ("see [link](http://a.b/c) and [sic]", "see [link](http://a.b/c) and [sic]", []),
        ("【注】原文如此", "【注】原文如此", []),
        ("[1234] [1.5] [1-3] [a1] []", "[1234] [1.5] [1-3] [a1] []", []),
        ("- [ ] todo\n- [x] done", "- [ ] todo\n- [x] done", []),
        ("open [ and never closed", "open [ and never closed", []),
        ("ends in [", "ends in [", []),
        ("[1\n]", "[1\n]", []),
        # White space stays what it was.
        ("line \nnext  \n\n  end ", "line \nnext  \n\n  end ", []),
        ("cut [1\nnext", "cut [1\nnext", []),
        ("  ", "  ", []),
        ("", "", []),
        ("[" * 60 + "1]", "[" * 59 + " [1]", [1]),
        ("[" + "1, " * 20 + "1]", "[" + "1, " * 20 + "1]", []),
    ],
)
def test_output(text: str, expected: str, numbers: list[int], size: int | None) -> None:
    assert run(text, size=size) == (expected, numbers)


ALPHABET = st.sampled_from([*"[]【】［］123 9,，、\n\tab。", "[1]", "【2】", "passage ", "段落", " " * 45])


@given(st.lists(ALPHABET, max_size=30).map("".join), st.data())
@example("see [1\nmore", None)
@example("abc  \nmore", None)
def test_any_cut_gives_the_same(text: str, data: st.DataObject | None) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=10))) if data else [len(text) - 4]
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert pieces_of(text, pieces, 3) == run(text, 3)
    assert run(text, 3, size=1) == run(text, 3)


@given(st.lists(ALPHABET, max_size=30).map("".join), st.integers(0, 4))
def test_numbers_are_those_of_passages_each_once(text: str, passages: int) -> None:
    _, numbers = run(text, passages, size=1)
    assert len(numbers) == len(set(numbers))
    assert all(1 <= number <= passages for number in numbers)


@given(st.text("ab[]【】() \n。.", max_size=40))
def test_text_without_numbers_is_left_alone(text: str) -> None:
    assert run(text, size=1) == (text, [])


def test_nothing_is_held_back_for_longer_than_a_marker() -> None:
    shown = ""
    for piece in Markers(Numbering(3).mark).filter(["[" + "x" * 41, "y" * 10, "z"]):
        shown += piece
        break
    assert shown.startswith("[xxx")
    assert not re.search("z", shown)


def test_a_claim_is_the_text_since_the_markers_before() -> None:
    for size in (1, 3, 100):
        numbering = Numbering(3)
        text = "One is here [1] [2]. Two [3][9], three【1】"
        list(Markers(numbering.mark).filter([text[i : i + size] for i in range(0, len(text), size)]))
        assert [claim.strip() for claim in numbering.claims] == [
            "One is here",
            "One is here",
            ". Two",
            ". Two",
            ", three",
        ]

"""Cutting passages, and finding the gold answer in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.datasets.base import Question, Span
from eval.report.excerpts import ELLIPSIS, cut, gold_ranges, is_gold, joined, occurrences
from eval.responses import Hit

TEXT = "龙井茶产于浙江杭州西湖一带。"


def asked(*spans: Span, answers: tuple[str, ...] = ("浙江杭州",)) -> Question:
    return Question("q", "哪里？", answers, gold=(spans,))


@pytest.mark.parametrize(
    ("hit", "gold", "seen"),
    [
        (Hit("a.md", TEXT, 50, 50 + len(TEXT)), True, ["浙江杭州"]),
        (Hit("b.md", TEXT, 50, 50 + len(TEXT)), False, []),
        (Hit("a.md", TEXT[:7], 50, 57), False, ["浙江"]),
        (Hit("a.md", TEXT[9:], 59, 50 + len(TEXT)), False, []),
        (Hit("a.md", TEXT), True, ["浙江杭州"]),
        (Hit("a.md", "别的话"), False, []),
        (Hit("b.md", TEXT), False, ["浙江杭州"]),
    ],
)
def test_gold_in_a_hit(hit: Hit, gold: bool, seen: list[str]) -> None:
    question = asked(Span("a.md", 55, 59))
    assert is_gold(question, hit) is gold
    assert [hit.text[start:end] for start, end in gold_ranges(question, hit)] == seen


def test_judged_documents() -> None:
    question = Question("q", "?", relevant={"a.md": 2, "b.md": 0})
    assert is_gold(question, Hit("a.md", "x"))
    assert not is_gold(question, Hit("b.md", "x"))


def test_occurrences_ignore_case_and_take_answers_literally() -> None:
    assert occurrences("GPT-3 (big) and gpt-3", ("gpt-3", "(BIG)", " ")) == [(0, 5), (6, 11), (16, 21)]
    assert joined([(3, 5), (0, 3), (9, 9), (4, 6)]) == [(0, 6)]


@given(st.text("ab𠮷😀 ", max_size=80), st.integers(0, 90), st.integers(0, 90), st.integers(1, 60))
def test_what_is_cut_keeps_the_first_range(text: str, a: int, b: int, length: int) -> None:
    ranges = joined([(min(a, b, len(text)), min(max(a, b), len(text)))])
    short, moved = cut(text, ranges, length)
    assert len(short.replace(ELLIPSIS, "")) <= max(length, 0)
    assert short.strip(ELLIPSIS) in text
    assert (short == text) is (len(text) <= length)
    for start, end in moved:
        assert ELLIPSIS not in short[start:end]
        assert short[start:end] in text[ranges[0][0] : ranges[0][1]]
    if ranges:
        assert moved


def test_a_late_range_is_moved_into_sight() -> None:
    short, ranges = cut("x" * 500 + "gold" + "y" * 500, [(500, 504)], 100)
    assert [short[start:end] for start, end in ranges] == ["gold"]
    assert short.startswith(ELLIPSIS)
    assert short.endswith(ELLIPSIS)

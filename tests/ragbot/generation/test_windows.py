"""The part of a passage that is read: within the budget, around what most speaks for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.documents import Document, Passage
from ragbot.generation.windows import window
from ragbot.text import sentence_spans


def passage(text: str) -> Passage:
    return Passage(Document(1, "a.md", "A", "md", "en", None, ""), text, 100, 100 + len(text), None, (), 1.0)


def read(text: str, support: Sequence[float], budget: int) -> str:
    found = window(passage(text), lambda _: support, budget, len)
    assert text[found.start - 100 : found.end - 100] == found.text
    return found.text


TEXT = "One is here. Two is here. Six is here. Ten is here. All is here."


def test_a_short_passage_is_read_whole() -> None:
    def never(_: str) -> Sequence[float]:
        raise AssertionError

    whole = passage(TEXT)
    assert window(whole, never, len(TEXT), len) is whole


@pytest.mark.parametrize(
    ("support", "budget", "expected"),
    [
        ((0, 0, 9, 0, 0), 13, "Six is here."),
        ((0, 0, 9, 0, 0), 26, "Two is here. Six is here."),
        ((0, 0, 9, 0, 0), 39, "Two is here. Six is here. Ten is here."),
        ((9, 0, 0, 0, 0), 39, "One is here. Two is here. Six is here."),
        ((0, 0, 0, 0, 9), 39, "Six is here. Ten is here. All is here."),
        # Two that are likely together, more than one that is likelier than each of them.
        ((9.5, 0, 0, 9.2, 9.2), 26, "Ten is here. All is here."),
    ],
)
def test_what_most_speaks_for_is_read_with_what_stands_around_it(
    support: Sequence[float], budget: int, expected: str
) -> None:
    assert read(TEXT, support, budget) == expected


def test_a_line_without_an_end_is_cut() -> None:
    assert read("x" * 5000, [0.0], 40) == "x" * 40
    assert read("y" * 50 + ". Short one.", [9.0, 0.0], 20) == "y" * 20


@given(st.lists(st.sampled_from(["A b. ", "Cd ef gh. ", "很长的一句话。", "好。"]), min_size=1, max_size=30), st.data())
def test_it_keeps_to_the_budget_and_holds_the_best_run(sentences: list[str], data: st.DataObject) -> None:
    text = "".join(sentences)
    spans = list(sentence_spans(text))
    support = data.draw(st.lists(st.floats(-20, 20), min_size=len(spans), max_size=len(spans)))
    budget = data.draw(st.integers(9, 80))
    found = window(passage(text), lambda _: support, budget, lambda part: len(part.replace(" ", "")))
    assert len(found.text.replace(" ", "")) <= budget
    assert found.text and text[found.start - 100 : found.end - 100] == found.text

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.squad import squad_exact_match, squad_f1, squad_tokens

WORDS = st.lists(st.sampled_from("the a Paris paris, 42 of (x) -".split()), max_size=6).map(" ".join)


def test_normalisation() -> None:
    assert squad_tokens("The  State-of-the-Art, a\tmodel!") == ["stateoftheart", "model"]
    assert squad_tokens("Theatre another an") == ["theatre", "another"]


@pytest.mark.parametrize(
    ("prediction", "answers", "exact_match", "f1"),
    [
        ("the 213 Million.", ["213 million"], 1.0, 1.0),
        ("213 million weights", ["213 million"], 0.0, 0.8),
        ("million 213", ["213 million"], 0.0, 1.0),
        ("no no no", ["no"], 0.0, 0.5),  # a word counts as often as both have it
        ("b", ["a b c d", "b c"], 0.0, 2 / 3),  # the best answer counts; its article does not
        ("", ["x"], 0.0, 0.0),
        ("", [], 1.0, 1.0),
        ("the", [""], 1.0, 1.0),
        ("x", ["", "..."], 0.0, 0.0),
        ("", ["", "x"], 0.0, 0.0),  # an empty answer beside another says nothing
    ],
)
def test_by_hand(prediction: str, answers: list[str], exact_match: float, f1: float) -> None:
    assert squad_exact_match(prediction, answers) == exact_match
    assert squad_f1(prediction, answers) == pytest.approx(f1)


@given(WORDS, WORDS)
def test_bounds_and_symmetry(left: str, right: str) -> None:
    f1 = squad_f1(left, [right])
    assert 0 <= squad_exact_match(left, [right]) <= f1 <= 1
    assert f1 == squad_f1(right, [left])
    assert (f1 == 1) == (Counter(squad_tokens(left)) == Counter(squad_tokens(right)))

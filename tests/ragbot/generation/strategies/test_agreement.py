"""Agreement of two answers: by words where they are set apart, by characters where they are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbot.generation.strategies.agreement import overlap


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("The rank is eight.", "the RANK is eight", 1.0),
        ("The rank is eight.", "The rank is sixteen.", 0.75),
        ("rank rank", "rank", 2 / 3),  # repetitions count
        ("秩取八", "秩取十六", 4 / 7),  # characters, not one long word
        ("秩取八。", "秩，取八", 1.0),
        ("LoRA 训练矩阵", "ＬｏＲＡ训练矩阵", 1.0),
        ("ランク", "ランプ", 2 / 3),
        ("serve", "server", 0.0),  # words, not characters
        ("one", "二", 0.0),
        ("", "", 1.0),
        ("…", "。", 1.0),
        ("", "word", 0.0),
    ],
)
def test_values(one: str, other: str, expected: float) -> None:
    assert overlap(one, other) == pytest.approx(expected)


@given(st.text("ab 秩取。", max_size=12), st.text("ab 秩取。", max_size=12))
def test_it_is_mutual_and_between_none_and_all(one: str, other: str) -> None:
    assert overlap(one, other) == overlap(other, one)
    assert 0 <= overlap(one, other) <= 1 == overlap(one, one)

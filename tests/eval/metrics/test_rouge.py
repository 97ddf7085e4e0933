from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.rouge import rouge_l

pytest.importorskip("rouge_score")


@pytest.mark.parametrize(
    ("prediction", "answers", "value"),
    [
        ("只训练两个低秩矩阵", ["只训练两个低秩矩阵。"], 1.0),
        ("police kill the gunman", ["police killed the gunman"], 0.75),
        ("甲乙丁", ["甲丙乙丁"], 6 / 7),  # in order, with gaps
        ("丁乙甲", ["甲乙丁"], 1 / 3),
        ("b", ["x y", "b"], 1.0),
        ("用 GPU 训练", ["使用GPU训练"], 8 / 9),
        ("", ["x"], 0.0),
        ("x", [], 0.0),
    ],
)
def test_by_hand(prediction: str, answers: list[str], value: float) -> None:
    assert rouge_l(prediction, answers) == pytest.approx(value)


@given(st.text("甲乙ab 1。", max_size=10), st.text("甲乙ab 1。", max_size=10))
def test_bounds_and_symmetry(left: str, right: str) -> None:
    assert 0 <= rouge_l(left, [right]) <= 1
    assert rouge_l(left, [right]) == pytest.approx(rouge_l(right, [left]))

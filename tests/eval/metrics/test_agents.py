from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.metrics.agents import tool_call_scores

Call = tuple[str, dict[str, Any]]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from(["北京", " Ab", "ab"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2),
    max_leaves=4,
)
CALLS = st.lists(
    st.tuples(st.sampled_from(["search", "calculator"]), st.dictionaries(st.sampled_from("ab"), VALUES, max_size=2)),
    max_size=5,
)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ({"n": 1}, {"n": 1.0}, True),
        ({"n": 1}, {"n": "1"}, False),
        ({"n": 1}, {"n": True}, False),
        ({"n": 0}, {"n": None}, False),
        ({"q": " GPU 显存"}, {"q": "gpu 显存 "}, True),
        ({"q": "北京"}, {"q": "上海"}, False),
        ({"a": 1, "b": {"c": [1, 2]}}, {"b": {"c": (1.0, 2)}, "a": 1}, True),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": {}}, {"a": []}, False),
        ({"a": float("nan")}, {"a": float("nan")}, True),
        ({"a": 1}, {"A": 1}, False),
        ({"a": 1}, {}, False),
    ],
)
def test_what_makes_arguments_the_same(left: dict[str, Any], right: dict[str, Any], same: bool) -> None:
    assert tool_call_scores([("t", left)], [("t", right)])["tool_call_f1"] == float(same)


A, B, C = ("search", {"query": "显存"}), ("search", {"query": "vLLM"}), ("calculator", {"expression": "1+1"})


@pytest.mark.parametrize(
    ("expected", "made", "scores"),
    [
        ([A, C], [C, A], (1, 1, 1, 2, 0)),
        ([A, C], [B, C], (1, 0, 0.5, 2, 0)),
        ([A], [A, C], (0, 1, 2 / 3, 2, 0)),
        ([A], [A, A, A], (0, 1, 0.5, 3, 2)),
        ([A, A], [A], (0, 0, 2 / 3, 1, 0)),
        ([A], [], (0, 0, 0, 0, 0)),
        ([], [A], (0, 1, 0, 1, 0)),
        ([], [], (1, 1, 1, 0, 0)),
    ],
)
def test_by_hand(expected: list[Call], made: list[Call], scores: tuple[float, ...]) -> None:
    names = ("right_tools", "right_arguments", "tool_call_f1", "steps", "loops")
    assert tool_call_scores(expected, made) == pytest.approx(dict(zip(names, scores, strict=True)))


@given(CALLS, CALLS)
def test_bounds_symmetry_and_perfection(left: list[Call], right: list[Call]) -> None:
    scores = tool_call_scores(left, right)
    assert all(0 <= scores[name] <= 1 for name in ("right_tools", "right_arguments", "tool_call_f1"))
    assert scores["tool_call_f1"] == tool_call_scores(right, left)["tool_call_f1"]
    assert 0 <= scores["loops"] <= scores["steps"] == len(right)
    perfect = tool_call_scores(left, left[::-1])
    assert (perfect["right_tools"], perfect["right_arguments"], perfect["tool_call_f1"]) == (1, 1, 1)

"""Right, wrong, refused wrongly, failed, or not judged."""

from __future__ import annotations

import pytest

from eval.datasets.base import Question
from eval.records import Row
from eval.report.outcomes import counts, outcome


@pytest.mark.parametrize(
    ("metrics", "error", "expected"),
    [
        ({"contains": 1.0, "answered": 1.0}, "", "right"),
        ({"contains": 0.0, "answered": 1.0, "hit@10": 1.0}, "", "wrong"),
        ({"contains": 0.0, "answered": 0.0}, "", "refused"),
        ({"refused": 1.0}, "", "right"),
        ({"refused": 0.0}, "", "wrong"),
        ({"hit@10": 1.0}, "", "right"),
        ({"hit@10": 0.0, "hit@1": 0.0}, "", "wrong"),
        ({"answered": 1.0, "hit@10": 1.0}, "", "unjudged"),
        ({"right_answer": 1.0, "contains": 0.0}, "", "right"),
        ({"right_tools": 0.0}, "", "wrong"),
        ({"contains": 1.0}, "TimeoutError", "error"),
        ({}, "", "unjudged"),
    ],
)
def test_outcome(metrics: dict[str, float], error: str, expected: str) -> None:
    assert outcome(Row(Question("a", "?"), None, metrics, error)) == expected


def test_counts_leave_out_what_is_not_there() -> None:
    rows = [Row(Question(str(n), "?"), None, {"refused": float(n % 2)}) for n in range(5)]
    assert counts(rows) == {"right": 2, "wrong": 3}
    assert counts([]) == {}

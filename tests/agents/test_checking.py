"""Numbers of an answer against what the tools have said."""

from __future__ import annotations

import pytest

from agents.checking import number_claims
from agents.sources import final_answer
from agents.steps import Observation

SEEN = [
    Observation(action="call1", tool="units", text="375 °F ≈ 190.5556 °C", source=1, trusted=True),
    Observation(
        action="call2", tool="calculator", text="today + 40 days = 2026-12-30 (Wednesday)", source=2, trusted=True
    ),
    Observation(action="call3", tool="web_search", text="成人票 45 元，学生票 1,200 元起。", source=3),
]


@pytest.mark.parametrize(
    ("answer", "status", "claimed"),
    [
        ("That is 190.5556 °C [1].", "supported", []),
        ("That is 190.56 °C [1].", "supported", []),
        ("That is 191 °C [1].", "supported", []),
        ("That is 195 °C [1].", "unsupported", ["195"]),
        ("That is 190.5 °C [1].", "unsupported", ["190.5"]),
        ("It is 2026-12-30 [2].", "supported", []),
        ("It is 30 December 2026 [2].", "supported", []),
        ("It is 2026-12-31 [2].", "unsupported", ["2026-12-31"]),
        ("学生票 1200 元 [3]。", "supported", []),
        ("四十五元 [3]。", "supported", []),
        ("35 张共 1575 元 [3]。", "unsupported", ["1575 元"]),
        ("No place has that name.", "unchecked", []),
    ],
)
def test_a_number_is_a_result_or_was_asked_with(answer: str, status: str, claimed: list[str]) -> None:
    (claim,) = number_claims(answer, "35 张学生票多少钱？", SEEN)
    assert (claim.status, [finding.claimed for finding in claim.findings]) == (status, claimed)


def test_each_sentence_by_itself_with_its_markers_and_place() -> None:
    text = "It is 190.6 °C. [1] 门票 46 元 [3]。"
    first, second = number_claims(text, "?", SEEN)
    assert (first.text, first.citations, first.status) == ("It is 190.6 °C.", (1,), "supported")
    assert (second.text, second.citations, second.status) == ("门票 46 元。", (3,), "unsupported")
    assert (
        text[first.start : first.end] == "It is 190.6 °C. [1]" and text[second.start : second.end] == "门票 46 元 [3]。"
    )


def test_the_answer_of_a_run_says_so() -> None:
    found = final_answer("35 张共 1575 元 [3]。", "35 张学生票多少钱？", SEEN)
    assert [claim.status for claim in found.claims] == ["unsupported"]
    assert found.claims[0].citations == tuple(source.marker for source in found.sources)
    assert final_answer("It is 7.", "?", []).claims == ()

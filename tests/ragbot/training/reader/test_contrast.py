"""Questions with one detail changed."""

from __future__ import annotations

import random
import re

import pytest

from ragbot.training.reader.contrast import altered

NUMBER = re.compile(r"\d+")


@pytest.mark.parametrize(
    ("question", "language", "ways"),
    [
        ("What is the largest basin?", "en", {"What is the smallest basin?", "What is not the largest basin?"}),
        ("Which pier is longest", "en", {"Which pier is not longest"}),
        ("First pier of all?", "en", {"Last pier of all?"}),
        ("最大的港池是哪个？", "zh", {"最小的港池是哪个？"}),
        ("港池哪年开始使用？", "zh", {"港池哪年结束使用？"}),
        ("港池於何地開始？", "zh", {"港池於何地結束？"}),
        ("港池由谁建造？", "zh", None),
        ("Built by whom?", "en", None),
        ("", "en", None),
        ("", "zh", None),
    ],
)
def test_one_detail_is_changed_by_rule(question: str, language: str, ways: set[str] | None) -> None:
    found = {altered(question, language, random.Random(seed)) for seed in range(20)}
    assert found == (ways or {None})


@pytest.mark.parametrize(
    ("question", "language"), [("Who came in 07?", "en"), ("07年谁来了？", "zh"), ("0 or 1?", "en")]
)
def test_a_number_becomes_another(question: str, language: str) -> None:
    for seed in range(40):
        found = altered(question, language, random.Random(seed))
        assert found and found != question
        assert NUMBER.sub("#", found) == NUMBER.sub("#", question)
        assert all(int(number) >= 0 for number in NUMBER.findall(found))
        assert "07" not in question or len(found) == len(question)


def test_chinese_is_not_negated_by_rule_and_a_negation_is_not_doubled() -> None:
    assert altered("这是什么？", "zh", random.Random(0)) is None
    assert altered("Who did not come?", "en", random.Random(0)) is None


def test_the_same_draw_for_the_same_seed() -> None:
    question = "Which was the first of the 12 largest basins north of the 3 oldest piers?"
    assert altered(question, "en", random.Random(5)) == altered(question, "en", random.Random(5))
    assert len({altered(question, "en", random.Random(seed)) for seed in range(40)}) > 5

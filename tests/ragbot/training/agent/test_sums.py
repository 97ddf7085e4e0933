"""Problems in words: what a question shows is all that its expression needs, and the calculator takes every one."""

from __future__ import annotations

import math
import random
import re
import string

import pytest

from agents.tools.calculator import calculator
from agents.tools.numbers_read import COMMON, expression_pattern
from ragbot.training.agent.scenarios import Ask, Stage, UnusableError
from ragbot.training.agent.sums import LONGEST, numbers_of, ordered, structures, sums
from ragbot.training.agent.texts import templates

LANGUAGES = ("en", "zh")
DRAWS = 5


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_structures() -> None:
    english, chinese = (structures(language) for language in LANGUAGES)
    assert english.keys() == chinese.keys() and len(english) > 50
    for name, one in english.items():
        for part in ("expression", "numbers", "where"):
            assert one.get(part) == chinese[name].get(part), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_wording_shows_every_number(language: str) -> None:
    for name, one in structures(language).items():
        needed = _places(one["expression"])
        assert needed == one["numbers"].keys(), name
        for text in one["questions"]:
            assert _places(text) == needed, (name, text)
        for text in one["answers"]:
            assert "{value}" in text and "[{s}]" in text, (name, text)
            assert _places(text) <= needed | {"value", "s"}, (name, text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_calculator_takes_every_expression(language: str) -> None:
    tool, draw = calculator(language), random.Random(7)
    for name, one in structures(language).items():
        usable = 0
        for _ in range(DRAWS):
            numbers = numbers_of(draw, one)
            assert ordered(numbers, one.get("where", ())), name
            for (low, high, *_), value in zip(one["numbers"].values(), numbers.values(), strict=True):
                assert low <= value <= high, (name, value)
            found = tool.invoke(
                {"type": "tool_call", "id": "1", "name": "calculator", "args": {"expression": _filled(one, numbers)}}
            )
            shown = found.artifact.data["shown"]
            assert math.isfinite(float(shown)), name
            usable += len(shown) <= LONGEST and not shown.startswith("-")
        assert usable >= DRAWS - 1, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_constrained_model_could_have_written_every_expression(language: str) -> None:
    draw = random.Random(8)
    for name, one in structures(language).items():
        for text in one["questions"]:
            numbers = numbers_of(draw, one)
            expression = _filled(one, numbers)
            assert re.fullmatch(expression_pattern([text.format(**numbers)]), expression), (name, text, expression)


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_what_everybody_knows_stands_beside_the_numbers(language: str) -> None:
    for name, one in structures(language).items():
        for number in re.findall(r"\d+", re.sub(r"\{\w+\}", "", one["expression"])):
            assert int(number) in COMMON, name


def test_a_scenario_asks_what_it_computes() -> None:
    commas = 0
    for seed in range(200):
        stage = Stage(random.Random(seed), LANGUAGES[seed % 2])
        scenario = sums(stage)
        asked = next(scenario.script())
        assert asked.tool == "calculator" and scenario.needs == ("calculator",)
        pattern = expression_pattern([scenario.question])
        assert re.fullmatch(pattern, asked.arguments["expression"]), (scenario.question, asked)
        assert isinstance(asked, Ask) and scenario.template in templates(scenario.language)
        commas += bool(re.search(r"\d,\d{3}", scenario.question))
    assert commas


def test_what_does_not_fit_together_is_given_up() -> None:
    assert ordered({"a": 3, "b": 12}, ["a < b", "a | b"]) and not ordered({"a": 5, "b": 5}, ["a < b"])
    assert ordered({"a": 5, "b": 5}, ["a <= b"])
    with pytest.raises(UnusableError):
        numbers_of(random.Random(1), {"numbers": {"a": [5, 9], "b": [1, 3]}, "where": ["a < b"]})


def _filled(structure: dict[str, str], numbers: dict[str, float]) -> str:
    return structure["expression"].format(**numbers)

"""The calculator as a model meets it."""

from __future__ import annotations

from datetime import date

import pytest

from agents.tools.base import Result, ToolInputError, traits_of
from agents.tools.calculator import calculator


def today() -> date:
    return date(2026, 11, 22)


def result_of(expression: str, language: str = "en") -> Result:
    called = calculator(language, today).invoke(
        {"type": "tool_call", "id": "1", "name": "calculator", "args": {"expression": expression}}
    )
    assert isinstance(called.artifact, Result)
    assert called.content == called.artifact.text
    return called.artifact


def test_schema_is_short_and_says_how_to_write() -> None:
    made = calculator()
    assert made.name == "calculator"
    assert len(made.description) < 80
    assert list(made.args) == ["expression"]
    assert "15% of 240" in made.args["expression"]["description"]
    assert traits_of(made).trusted and not traits_of(made).effects
    assert set(traits_of(made).summaries) == {"en", "zh"}


def test_result_repeats_what_was_asked_and_gives_data() -> None:
    found = result_of("15% of 240 =")
    assert found.text == "15% of 240 = 36"
    assert found.data == {"type": "number", "value": "36", "exact": True, "decimal": "36", "shown": "36"}


@pytest.mark.parametrize(
    ("expression", "data"),
    [
        (
            "1/3",
            {"type": "number", "value": "1/3", "exact": True, "decimal": "0.333333333333333", "shown": "0.3333333333"},
        ),
        (
            "sqrt(2)",
            {
                "type": "number",
                "value": "1.4142135623731",
                "exact": False,
                "decimal": "1.4142135623731",
                "shown": "1.414213562",
            },
        ),
        (
            "5 km to m",
            {"type": "number", "value": "5000", "exact": True, "decimal": "5000", "shown": "5000", "unit": "m"},
        ),
        ("today", {"type": "date", "date": "2026-11-22"}),
        ("weekday of today", {"type": "weekday", "weekday": 7}),
        ("2 > 1", {"type": "truth", "value": True}),
    ],
)
def test_data_of_each_kind(expression: str, data: dict[str, object]) -> None:
    assert result_of(expression).data == data


def test_language_is_that_of_the_expression_and_else_the_given() -> None:
    assert result_of("2026-03-01 + 90").text.endswith("(Saturday)")
    assert result_of("2026-03-01 + 90", "zh").text.endswith("（星期六）")
    assert result_of("2026年3月1日 + 90天").text.endswith("（星期六）")
    with pytest.raises(ToolInputError, match="除数为零"):
        calculator().invoke({"expression": "五除以零"})
    with pytest.raises(ToolInputError, match="除数为零"):
        calculator("zh").invoke({"expression": "5/0"})


def test_working_days_say_what_they_leave_out() -> None:
    assert "public holidays" in result_of("2026-03-01 + 10 workdays").text
    assert "法定节假日" in result_of("2026-03-01 + 10个工作日").text
    assert "holidays" not in result_of("2026-03-01 + 10 days").text


def test_unknown_word_is_told_with_names_that_are_near() -> None:
    with pytest.raises(ToolInputError, match=r"“averge” is not known.*average|mean"):
        calculator().invoke({"expression": "averge(1, 2)"})


def test_very_large_result_still_fits_the_limit_of_an_observation() -> None:
    text = result_of("2**9900").text
    assert str(2**9900) in text
    assert len(text) <= traits_of(calculator()).output_limit

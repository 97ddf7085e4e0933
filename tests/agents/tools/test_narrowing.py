"""What a small model's arguments are held to: columns that there are, words that stand in them, numbers that were read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agents.protocol.base import Brief
from agents.protocol.text import TextProtocol
from agents.steps import Observation
from agents.tools.base import traits_of
from agents.tools.calculator import calculator
from agents.tools.numbers_read import amounts, answer_pattern, expression_pattern, literals
from agents.tools.tables import tables
from agents.tools.tables_grammar import query_pattern
from agents.tools.units import units

COLUMNS = {
    "sales": [("month", "VARCHAR"), ("product", "VARCHAR"), ("units", "BIGINT"), ("day", "DATE")],
    "订单": [("客户", "VARCHAR"), ("金额", "DECIMAL(18,2)")],
}
WORDS = {"sales": {"product": ["kettle", "it's", "tea (green)"]}, "订单": {}}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "SELECT * FROM sales LIMIT 2",
        "SELECT month, units FROM sales WHERE units >= 2.5 ORDER BY units DESC LIMIT 1",
        "SELECT sum(units), count(*) FROM sales WHERE product = 'kettle' AND units > 3 OR day < '2026-01-05'",
        "SELECT month, round(avg(units), 2) FROM sales GROUP BY month ORDER BY 2 DESC LIMIT 1",
        "SELECT count(DISTINCT product) FROM sales WHERE product <> 'tea (green)'",
        "SELECT 客户, sum(金额) FROM 订单 WHERE 客户 LIKE '海%' GROUP BY 1 ORDER BY sum(金额)",
    ],
)
def test_queries_that_a_small_model_needs(query: str) -> None:
    assert re.fullmatch(query_pattern(COLUMNS, WORDS), query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 金额 FROM sales",  # a column of the other table
        "SELECT sum(product) FROM sales",  # words are not added up
        "SELECT month, sum(units) FROM sales",  # not grouped
        "SELECT month, sum(units) FROM sales GROUP BY product",
        "SELECT sum(units) FROM sales WHERE product = 'kettles'",  # stands nowhere
        "SELECT sum(units) FROM sales WHERE units = 'kettle'",
        "SELECT * FROM sales, 订单",
        "SELECT * FROM read_csv('x')",
        "SELECT * FROM sales; DROP TABLE sales",
        "SELECT 客户 FROM 订单 WHERE 客户 = ' x'",
    ],
)
def test_queries_that_cannot_be_right(query: str) -> None:
    assert not re.fullmatch(query_pattern(COLUMNS, WORDS), query)


def test_wide_tables_and_words_that_would_end_the_literal() -> None:
    assert query_pattern({"t": [(f"c{number}", "BIGINT") for number in range(401)]}, {}) == ""
    assert query_pattern({"t": [("c", "VARCHAR")]}, {"t": {"c": [str(number) for number in range(2001)]}}) == ""
    pattern = query_pattern(COLUMNS, WORDS)
    assert "it's" not in pattern and r"tea\ \(green\)" in pattern
    assert "\x7f" not in query_pattern({"t": [("c", "VARCHAR")]}, {"t": {"c": ["a\x7fb", "d"]}})


def test_a_tool_knows_its_own_columns_and_words(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    rows = "\n".join(f"{('Berlin', 'Paris')[number % 2]},note {number},{number}" for number in range(100))
    (tmp_path / "sales.csv").write_text(f"city,note,amount\n{rows}\n", encoding="utf-8")
    narrow = traits_of(tables([tmp_path / "sales.csv"])).narrow
    assert narrow is not None
    pattern = narrow(["?"])["sql"]["pattern"]
    assert re.fullmatch(pattern, "SELECT sum(amount) FROM sales WHERE city = 'Paris'")
    assert not re.fullmatch(pattern, "SELECT sum(amount) FROM sales WHERE city = 'Rome'")
    assert re.fullmatch(pattern, "SELECT sum(amount) FROM sales WHERE note = 'anything'")  # too many to tell


@pytest.mark.parametrize(
    ("read", "expression"),
    [
        ("between 24 December 2025 and 1 March 2026?", "2026-03-01 - 2025-12-24"),
        ("2025 年 12 月 24 日到 2026 年 3 月 1 日相隔多少天？", "2026-03-01 - 2025-12-24"),
        ("A bill of 1,412.30 for seven of us", "1412.30 / 7"),
        ("A bill of 1,412.30 for seven of us", "1,412.30 / 7"),
        ("原价 560 元，打七五折", "560 * 0.75"),
        ("15.5% off 80", "80 * 0.845"),
        ("20% tax on 80", "80 * 1.2"),
        ("40 亿参数", "4000000000 * 2 / 1000"),
        ("3 weeks after March 5", "03-05 + 3 weeks"),
        ("三千五百二十里", "3520 / 2"),
    ],
)
def test_numbers_that_were_read_can_be_written(read: str, expression: str) -> None:
    assert re.fullmatch(expression_pattern([read]), expression)


@pytest.mark.parametrize(
    ("read", "expression"),
    [
        ("between 24 December 2025 and 1 March 2026?", "2026-03-11 - 2025-12-24"),
        ("A bill of 412.30 for seven of us", "421.30 / 7"),
        ("A bill of 412.30 for seven of us", "41 / 7"),
        ("from 1 to 9", "19 + 1"),  # two of them side by side are a third one
    ],
)
def test_numbers_that_nobody_gave_cannot(read: str, expression: str) -> None:
    assert not re.fullmatch(expression_pattern([read]), expression)


def test_many_numbers_and_amounts() -> None:
    many = " ".join(f"It is {number}.5 here." for number in range(100_000, 101_000))
    found = literals(["7.25 first", many])
    assert "7.25" in found and len(found) < 1000
    assert {2.5, 37, 0.02} <= set(amounts(["37 and 2.5 and 2%, on 2026-01-05 at 10:30"]))
    assert all(isinstance(value, int | float) for value in amounts(["2026-01-05 10:30"]))


@pytest.mark.parametrize("text", ["9" * 400, "9" * 5000, "3.0e400 kg", "1" + "0" * 30 + ".5", "∞ NaN"])
def test_numbers_without_measure_are_passed_over(text: str) -> None:
    assert set(amounts([text, "7.25"])) >= {7.25}
    assert all(abs(value) < 1e15 for value in amounts([text]))
    assert re.fullmatch(expression_pattern([text, "7.25"]), "7.25 * 2")


def test_below_zero() -> None:
    assert -40 in amounts(["What is -40 °F in °C?"])
    assert re.fullmatch(expression_pattern(["-40 °F"]), "-40 * 2")


def test_what_was_read_last_counts_before_what_was_read_long_ago() -> None:
    brief = Brief("How many km is that?", "en", (units(),))
    many = " ".join(f"It is {number}.5 here." for number in range(100_000, 101_000))
    steps = [Observation(turn=turn, tool="search", text=text, status="ok") for turn, text in ((1, many), (2, "26.21"))]
    schema = TextProtocol(thoughts=False, narrow=True).options(brief, steps, "")["response_format"]["json_schema"]
    assert 26.21 in schema["schema"]["anyOf"][0]["properties"]["arguments"]["properties"]["amount"]["enum"]


def test_the_schema_is_narrow_only_where_that_is_asked_for() -> None:
    brief = Brief("How many km are 26.2 miles?", "en", (units(), calculator()))
    seen = Observation(turn=1, tool="weather", text="7.75 °C", status="ok")

    def amount(protocol: TextProtocol) -> object:
        schema = protocol.options(brief, [seen], "")["response_format"]["json_schema"]["schema"]
        return schema["anyOf"][0]["properties"]["arguments"]["properties"]["amount"].get("enum", [])

    assert amount(TextProtocol(thoughts=False)) == []
    assert {26.2, 7.75} <= set(amount(TextProtocol(thoughts=False, narrow=True)))  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("read", "answer"),
    [
        ("2026-03-01 - 2025-12-24 = 67 days", "67 days [1]."),
        ("It is 09:05 in Rome, 2026-03-01", "It is past 9 on 1 March 2026 [2]."),
        ("今天是2026年3月1日", "2026-03-01 [1]"),
        ("1,234.5 m", "1234.5 m"),
        ("-12 °C", "-12 °C [1]"),
        ("三千五百二十里", "3520 里[2]"),
        ("nothing", "There is no number in it."),
    ],
)
def test_answers_of_numbers_that_were_read(read: str, answer: str) -> None:
    assert re.fullmatch(answer_pattern([read], 2), answer)


@pytest.mark.parametrize(
    ("read", "answer"),
    [
        ("2026-03-01 - 2025-12-24 = 67 days", "76 days [1]."),
        ("4.5 km", "4.5 km [3]"),  # there are two sources
        ("4.5 km", "4.55 km"),
        ("nothing", "5"),
        ("5", ""),
    ],
)
def test_answers_of_numbers_that_nobody_gave(read: str, answer: str) -> None:
    assert not re.fullmatch(answer_pattern([read], 2), answer)


def test_answers_are_free_until_a_tool_has_spoken() -> None:
    def answers(*steps: Observation, narrow: bool = True) -> dict[str, object]:
        brief = Brief("How many letters has the word mill? Add 12.", "en", (calculator(),))
        options = TextProtocol(thoughts=False, narrow=narrow).options(brief, steps, "")
        branch = options["response_format"]["json_schema"]["schema"]["anyOf"][-1]
        found: dict[str, object] = branch["properties"]["answer"]
        return found

    said = Observation(turn=1, tool="calculator", action="call1", text="4 + 12 = 16", status="ok", source=1)
    ours = Observation(turn=1, tool="", text="The reply is no JSON.", status="invalid")
    assert (
        "pattern" not in answers() and "pattern" not in answers(ours) and "pattern" not in answers(said, narrow=False)
    )
    pattern = str(answers(said)["pattern"])
    assert re.fullmatch(pattern, "16 [1], from 12") and not re.fullmatch(pattern, "17 [1]")

"""What is drawn, without playing it: the shares that were asked for, enough material, and scenarios that hold together."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eval.agents.services import Services, read_places
from eval.agents.world import World
from eval.datasets.base import Question, QuestionSet
from eval.datasets.squad import read_squad
from ragbot.training.agent import generating
from ragbot.training.agent.documents import numbers
from ragbot.training.agent.generating import Material, generate
from ragbot.training.agent.playing import PlayedRun
from ragbot.training.agent.scenarios import Scenario, Stage, UnusableError
from ragbot.training.agent.subjects import EXCERPT, subject
from ragbot.training.agent.table_files import USES, Shelf, draw_table, draw_tables, write_tables
from ragbot.training.agent.table_questions import KINDS
from ragbot.training.agent.tables import table
from ragbot.training.agent.texts import things

READING = Path(__file__).parents[4] / "data" / "reading"
PLACES = [place for place in read_places() if place.part == "train"]
#: The parts of a whole draw that were asked for, of a hundred; the least and the most that are taken for it.
PARTS: dict[str, tuple[Callable[[Scenario], bool], int, int]] = {
    "calculator": (lambda one: one.needs == ("calculator",), 12, 18),
    "units": (lambda one: one.template == "convert", 6, 10),
    "clock": (lambda one: one.needs == ("clock",) and not one.template.endswith("unknown"), 4, 7),
    "weather": (lambda one: one.needs == ("weather",) and not one.faults, 8, 14),
    "web": (lambda one: bool({"web_search", "fetch_page"} & set(one.needs)), 13, 21),
    "tables": (lambda one: "query_tables" in one.needs, 13, 19),
    "documents": (lambda one: "search_knowledge" in one.needs, 11, 17),
    "talk": (lambda one: not one.needs, 6, 11),
    "several": (lambda one: len(one.needs) > 1, 12, 24),
}


@pytest.fixture
def world() -> Iterator[World]:
    with World(Services(PLACES)) as one:
        yield one


def _unplayed(drawn: list[Scenario]) -> Callable[[Scenario, World, object], PlayedRun]:
    def play(scenario: Scenario, world: World, tools: object) -> PlayedRun:
        drawn.append(scenario)
        return PlayedRun(scenario.template, scenario.language, scenario.question, scenario.needs, (), ())

    return play


def test_every_part_is_drawn_as_often_as_asked_for(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Scenario] = []
    monkeypatch.setattr(generating, "play", _unplayed(drawn))
    monkeypatch.setattr(generating, "some_tools", lambda draw, world, scenario: scenario.needs)
    sets = tuple(read_squad(READING / f"own_{language}.json", "article") for language in ("en", "zh"))
    count = 1500
    runs = list(generate(world, PLACES, Material(tmp_path, sets), count, 3))
    assert len(runs) == count and sum(generating.SHARES.values()) == pytest.approx(100)
    for name, (belongs, least, most) in PARTS.items():
        found = 100 * sum(map(belongs, drawn)) / count
        assert least <= found <= most, (name, found)
    # Everything but talk is asked once.
    asked = Counter(one.question for one in drawn if one.needs)
    assert max(asked.values()) == 1


def test_there_is_enough_to_ask_about_tables() -> None:
    draw = random.Random(1)
    for language in ("en", "zh"):
        asked: list[str] = []
        while len(asked) < 600:
            there = draw_tables(draw, language)
            for _ in range(USES):
                try:
                    asked.append(table(Stage(draw, language, tables=there)).question)
                except UnusableError:
                    continue
        assert len(set(asked)) > 0.97 * len(asked)
        assert len(things(language, "tables")) >= 40


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_name_in_the_tables_can_be_queried_and_counts_what_it_says(language: str, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    draw = random.Random(2)
    tables = {one.name: one for one in (draw_table(draw, language, key) for key in things(language, "tables"))}
    with World(tables=write_tables(list(tables.values()), tmp_path)) as world:
        [tool] = world.tools(["query_tables"], language)

        def found(sql: str) -> str:
            return str(tool.invoke({"sql": sql})).splitlines()[-1]

        for one in tables.values():
            for kind in KINDS.values():
                try:
                    wanted = kind.ask(draw, one)
                except UnusableError:
                    continue
                for sql in wanted.queries:
                    assert found(sql) and f" FROM {one.name}" in sql
            column, group = one.numbers[0].name, one.groups[0].name
            total = sum(one.column(column))
            assert float(found(f"SELECT sum({column}) FROM {one.name}")) == pytest.approx(total)
            assert int(found(f"SELECT count(DISTINCT {group}) FROM {one.name}")) == len(set(one.column(group)))


def test_no_question_to_a_table_has_two_right_answers() -> None:
    draw = random.Random(4)
    asked = 0
    for key in things("en", "tables"):
        one = draw_table(draw, "en", key)
        for name, order in (("table-top", -1), ("table-low", 1)):
            try:
                wanted = KINDS[name].ask(draw, one)
            except UnusableError:
                continue
            asked += 1
            group = next(column for column in one.groups if f"SELECT {column.name}, " in wanted.queries[0])
            number = next(column for column in one.numbers if f"sum({column.name})" in wanted.queries[0])
            rows = zip(one.column(group.name), one.column(number.name), strict=True)
            sums: Counter[str] = Counter()
            for member, value in rows:
                sums[member] += value
            best = sorted(sums.values(), key=lambda value: order * value)
            assert best[0] != pytest.approx(best[1])
    assert asked > 30


def test_the_shelf_lays_out_other_tables_after_some_runs(world: World, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    shelf = Shelf(world, tmp_path, random.Random(5))
    first = shelf.tables("en")

    def shown() -> str:
        return str(world.tools(["query_tables"], "en")[0].invoke({}))

    assert all(one.name in shown() for one in first)
    for _ in range(USES):
        assert shelf.tables("en") is first
        shelf.used("en")
    assert shelf.tables("en") is not first and all(one.name in shown() for one in shelf.tables("en"))
    assert len({one.key for one in first}) == len(first)


def test_what_stands_late_in_a_page_is_not_shown_by_a_search() -> None:
    draw = random.Random(6)
    for language in ("en", "zh"):
        for number in range(40):
            try:
                early = subject(Stage(draw, language))
                late = subject(Stage(draw, language), late=True)
            except UnusableError:
                continue
            assert late.fact.sentence in late.page.text
            assert late.page.text.index(late.fact.sentence) >= EXCERPT
            assert {fact.sentence for fact in early.facts} == set(early.page.text.split("\n")), number
            assert len({fact.value for fact in early.facts}) == len(early.facts) > 1
    prices = [subject(Stage(draw, "en"), ("price",)).fact for _ in range(20)]
    assert all(fact.one and fact.many and fact.value.isdecimal() for fact in prices)


@pytest.mark.parametrize(
    ("answer", "number", "unit", "is_year"),
    [
        ("640", "640", "", False),
        ("2,100 metres", "2100", "metres", False),
        ("1611", "1611", "", True),
        ("1911年", "1911", "年", True),
        ("27天", "27", "天", False),
        ("四十里", "40", "里", False),
        ("二十六年", "26", "年", False),
        ("918年", "", "", False),
        ("214 degrees", "", "", False),
        ("2003年有两人溺亡", "", "", False),
        ("the 40 houses", "", "", False),
    ],
)
def test_numbers_of_documents(answer: str, number: str, unit: str, is_year: bool) -> None:
    asked = QuestionSet("own_en", (Question("1", "How many?", (answer,)),))
    if not number:
        with pytest.raises(UnusableError):
            numbers((asked,))
        return
    [known] = numbers((asked,))
    assert (known.number, known.unit, known.is_year) == (number, unit, is_year)

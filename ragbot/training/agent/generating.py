"""Which scenarios are drawn, how often, and what makes a run one of its own."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from eval.agents.services import NOW, Spot
from eval.agents.world import World
from eval.datasets.base import QuestionSet
from ragbot.training.agent import (
    computing,
    converting,
    dates,
    documents,
    failing,
    mistakes,
    sums,
    tables,
    talking,
    times,
    weather,
    web,
    web_computing,
)
from ragbot.training.agent.playing import PlayedRun, play, some_tools
from ragbot.training.agent.scenarios import Scenario, Stage, UnusableError
from ragbot.training.agent.table_files import Shelf
from ragbot.training.agent.texts import things

Maker = Callable[[Stage], Scenario]
#: How often each family of scenarios is drawn, of a hundred.
SHARES: Mapping[Maker, float] = {
    computing.arithmetic: 6.5,
    sums.sums: 7.0,
    dates.days: 3.5,
    converting.conversion: 7.0,
    times.time_there: 1.6,
    times.time_moved: 1.8,
    times.time_apart: 1.0,
    times.time_here: 0.4,
    weather.weather: 8.0,
    web.web_fact: 3.8,
    web.page_fact: 3.2,
    web.web_open: 2.0,
    web.search_fetch: 1.6,
    web_computing.web_times: 1.5,
    web_computing.web_two: 1.1,
    web_computing.web_age: 0.4,
    web_computing.web_convert: 0.4,
    tables.table: 11.5,
    tables.table_computed: 3.5,
    documents.document: 10.3,
    documents.document_computed: 2.4,
    documents.documents_two: 0.8,
    talking.talk: 7.0,
    failing.weather_fails: 1.8,
    failing.weather_half: 0.5,
    failing.clock_unknown: 0.5,
    failing.web_fails: 1.4,
    failing.page_fails: 1.3,
    failing.no_rates: 0.9,
    failing.units_different: 0.8,
    tables.table_missing: 0.8,
    dates.date_weekday: 0.6,
    dates.weeks_between: 0.5,
    converting.sum_convert: 0.5,
    converting.convert_times: 0.5,
    converting.per_unit: 0.8,
    weather.weather_difference: 0.7,
    weather.weather_compared: 0.7,
    weather.weather_unit: 0.5,
    weather.weather_spread: 0.4,
    weather.time_and_weather: 0.5,
}
#: Share of runs with a call in which the model made a mistake first.
MISTAKES = 0.1
#: Share of questions with some words of politeness around them.
WRAPPED = 0.12
#: Shares of Chinese questions whose numbers are set apart with blanks everywhere, or nowhere; people write both. Only where
#: a tool computes with them: what is looked for in tables and texts has to be written as it stands there.
SPACED, CLOSED = 0.2, 0.5
_COMPUTED = {"calculator", "units", "clock"}
_BORDER = re.compile(r"(?<=[\u4e00-\u9fff]) ?(?=\d)|(?<=[\d%]) ?(?=[\u4e00-\u9fff])")
#: Draws of one family, after which another is taken; and of families, after which there is nothing left.
_ATTEMPTS, _FAMILIES = 12, 40
#: Days around that of the tasks on which runs are played: no date is to be known by heart.
_DAYS = 400


@dataclass(frozen=True, slots=True)
class Material:
    """What there is: a folder for tables that are made up, and questions about documents that the world's search finds."""

    tables: Path | None = None
    questions: tuple[QuestionSet, ...] = ()


def generate(
    world: World, places: Sequence[Spot], material: Material, count: int, seed: int, known: set[str] | None = None
) -> Iterator[PlayedRun]:
    """``count`` different runs, half of them in each language; fewer where there are no more.

    Args:
        world: its day, its services' weather and pages, and its tables are changed from run to run.
        places: that questions name.
        material: tables and documents.
        count: how many.
        seed: of every draw.
        known: questions that are left out; those of the runs are added.
    """
    asked = known if known is not None else set()
    shelf = Shelf(world, material.tables, random.Random(f"tables {seed}")) if material.tables else None
    for number in range(count):
        language = ("en", "zh")[number % 2]
        # Each run has draws of its own: a service that is late on a busy machine changes one run, and not all after it.
        draw = random.Random(f"{seed} {number}")
        run = _run(draw, language, world, places, material, shelf, asked)
        if run is None:
            return
        asked.add(run.question)
        yield run


def _run(
    draw: random.Random,
    language: str,
    world: World,
    places: Sequence[Spot],
    material: Material,
    shelf: Shelf | None,
    asked: set[str],
) -> PlayedRun | None:
    for _ in range(_FAMILIES):
        family = draw.choices(list(SHARES), list(SHARES.values()))[0]
        for _ in range(_ATTEMPTS):
            world.services.seed = draw.randint(1, 1_000_000)
            world.services.now = datetime.fromisoformat(NOW) + timedelta(
                days=draw.randint(-_DAYS, _DAYS), minutes=draw.randint(0, 1439)
            )
            there = shelf.tables(language) if shelf else ()
            stage = Stage(draw, language, world.today, places, world.services.pages, material.questions, there)
            try:
                scenario = varied(stage, family(stage))
                # What is said without a tool is said in few ways; everything else is asked once.
                if scenario.needs and scenario.question in asked:
                    continue
                run = play(scenario, world, some_tools(draw, world, scenario))
            except UnusableError:
                continue
            if shelf and "query_tables" in scenario.needs:
                shelf.used(language)
            return run
    return None


def varied(stage: Stage, scenario: Scenario) -> Scenario:
    """The same, now and then with a polite word, blanks around numbers, or a mistake in front of the first call."""
    if not scenario.needs:
        return scenario
    if stage.draw.random() < WRAPPED:
        wrapping: str = stage.draw.choice(things(stage.language, "phrases")["wrappings"])
        asked = scenario.question
        if stage.language == "zh" and wrapping.startswith("{q}") and asked[-1] not in "。？！?!":
            asked += "。"
        scenario = replace(scenario, question=wrapping.format(q=asked))
    if stage.language == "zh" and set(scenario.needs) <= _COMPUTED:
        chance = stage.draw.random()
        if chance < SPACED + CLOSED:
            question = _BORDER.sub(" " if chance < SPACED else "", scenario.question)
            scenario = replace(scenario, question=question)
    return mistakes.mistaken(stage.draw, scenario) if stage.draw.random() < MISTAKES else scenario

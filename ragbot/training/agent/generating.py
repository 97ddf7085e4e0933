"""Which scenarios are drawn, how often, and what makes a run one of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping

from eval.agents.services import Spot
from eval.agents.world import World
from ragbot.training.agent import computing, lookups, materials, talking
from ragbot.training.agent.materials import Material
from ragbot.training.agent.playing import PlayedRun, play, some_tools
from ragbot.training.agent.scenarios import Scenario, UnusableError

#: How often each family of scenarios is drawn, beside the others.
SHARES: Mapping[str, float] = {
    "arithmetic": 3.0,
    "days": 1.5,
    "date_weekday": 0.8,
    "conversion": 2.0,
    "sum_convert": 0.8,
    "no_rates": 0.5,
    "time_there": 1.0,
    "time_moved": 1.5,
    "weather": 2.5,
    "weather_difference": 1.5,
    "weather_unit": 1.0,
    "time_and_weather": 1.0,
    "weather_fails": 1.0,
    "web": 2.5,
    "web_fails": 0.6,
    "pages": 1.5,
    "table": 2.5,
    "document": 5.0,
    "talk": 1.2,
}
#: Share of runs with a call in which the model made a mistake first.
MISTAKES = 0.1
#: Draws for a run after which what is there is taken to be all there is.
_ATTEMPTS = 60


def scenarios(draw: random.Random, language: str, world: World, places: list[Spot], material: Material) -> Scenario:
    """One scenario, drawn by :data:`SHARES`."""
    pages = world.services.pages
    makers: Mapping[str, Callable[[], Scenario]] = {
        "arithmetic": lambda: computing.arithmetic(draw, language),
        "days": lambda: computing.days(draw, language),
        "date_weekday": lambda: computing.date_weekday(draw, language),
        "sum_convert": lambda: computing.sum_convert(draw, language),
        "conversion": lambda: computing.conversion(draw, language),
        "no_rates": lambda: computing.no_rates(draw, language),
        "time_there": lambda: computing.time_there(draw, language, places),
        "time_moved": lambda: computing.time_moved(draw, language, places),
        "weather": lambda: lookups.weather(draw, language, places),
        "weather_difference": lambda: lookups.weather_difference(draw, language, places),
        "weather_unit": lambda: lookups.weather_unit(draw, language, places),
        "time_and_weather": lambda: lookups.time_and_weather(draw, language, places),
        "weather_fails": lambda: lookups.weather_fails(draw, language, places),
        "web": lambda: lookups.web(draw, language, pages),
        "web_fails": lambda: lookups.web_fails(draw, language),
        "pages": lambda: lookups.pages(draw, language, pages),
        "table": lambda: materials.table(draw, language),
        "document": lambda: materials.document(draw, material.questions, language),
        "talk": lambda: talking.talk(draw, language),
    }
    family = draw.choices(list(SHARES), list(SHARES.values()))[0]
    return makers[family]()


def generate(
    world: World, places: list[Spot], material: Material, count: int, seed: int, known: set[str] | None = None
) -> Iterator[PlayedRun]:
    """``count`` different runs, half of them in each language; fewer where there are no more.

    Args:
        world: its services' weather and pages are changed from run to run.
        places: that questions name.
        material: tables and documents of the world.
        count: how many.
        seed: of every draw.
        known: questions that are left out; those of the runs are added.
    """
    asked = known if known is not None else set()
    draw = random.Random(seed)
    for number in range(count):
        language = ("en", "zh")[number % 2]
        for _ in range(_ATTEMPTS):
            world.services.seed = draw.randint(1, 1_000_000)
            try:
                scenario = scenarios(draw, language, world, places, material)
                # What is said without a tool is said in few ways; everything else is asked once.
                if scenario.needs and scenario.question in asked:
                    continue
                if scenario.needs and draw.random() < MISTAKES:
                    scenario = talking.mistaken(draw, scenario)
                run = play(scenario, world, some_tools(draw, world, scenario))
            except UnusableError:
                continue
            asked.add(scenario.question)
            yield run
            break
        else:
            return

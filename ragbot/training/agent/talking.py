"""Scenarios that need no tool, and the mistakes that come before a right call."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agents.steps import Observation
from ragbot.training.agent.scenarios import Ask, Scenario, Script, answer, question

NAMES = {
    "en": ("Biscuit", "Luna", "Otto", "Pepper", "Milo", "Hazel", "Ziggy", "Clover", "Rufus", "Daisy", "Waldo", "Poppy"),
    "zh": ("毛毛", "小白", "旺财", "团团", "阿黄", "糖糖", "黑豆", "花花", "球球", "乐乐", "果果", "妞妞"),
}
ANIMALS = {
    "en": ("dog", "cat", "horse", "parrot", "rabbit", "hamster"),
    "zh": ("猫", "狗", "兔子", "鹦鹉", "仓鼠", "马"),
}
OPPOSITES = {
    "en": (("hot", "cold"), ("early", "late"), ("wide", "narrow"), ("rich", "poor"), ("deep", "shallow"), ("full", "empty"),
           ("soft", "hard"), ("strong", "weak"), ("fast", "slow"), ("dry", "wet")),
    "zh": (("热", "冷"), ("早", "晚"), ("宽", "窄"), ("富", "穷"), ("深", "浅"), ("满", "空"), ("软", "硬"), ("强", "弱"),
           ("快", "慢"), ("干", "湿")),
}  # fmt: skip
#: Plurals in English; how many characters a Chinese word has.
SPELLINGS = {
    "en": (("child", "children"), ("mouse", "mice"), ("city", "cities"), ("tooth", "teeth"), ("knife", "knives"),
           ("box", "boxes"), ("foot", "feet"), ("baby", "babies"), ("wolf", "wolves"), ("hero", "heroes")),
    "zh": (("图书馆", "3"), ("飞机", "2"), ("自行车", "3"), ("人工智能", "4"), ("春天", "2"), ("高速公路", "4"),
           ("向日葵", "3"), ("老师", "2")),
}  # fmt: skip
#: Names of tools that there are not, and what they are taken for.
CONFUSED = {
    "calculator": ("calc", "math", "python"),
    "weather": ("get_weather", "forecast"),
    "clock": ("time", "timezone"),
    "units": ("convert", "unit_converter"),
    "web_search": ("search", "google"),
    "search_knowledge": ("search_documents", "knowledge"),
    "query_tables": ("sql", "query"),
    "fetch_page": ("open_url", "browse"),
}


def talk(draw: random.Random, language: str) -> Scenario:
    """A greeting, thanks, or a question that can be answered at once."""
    template = draw.choice(("greeting", "thanks", "from-question", "from-question", "opposite", "spelling"))
    word, value = draw.choice((OPPOSITES if template == "opposite" else SPELLINGS)[language])
    name, animal = draw.choice(NAMES[language]), draw.choice(ANIMALS[language])
    values = {"name": name, "animal": animal, "word": word, "value": value}

    def script() -> Script:
        yield from ()
        return answer(draw, language, template, **values)

    return Scenario(template, language, question(draw, language, template, **values), (), script)


def mistaken(draw: random.Random, scenario: Scenario) -> Scenario:
    """The same, with a mistake in front of the first call; what is learned is how it is mended."""

    def script() -> Script:
        wanted = scenario.script()
        right = next(wanted)
        yield _wrong(draw, right)
        found: Observation = yield right
        while True:
            try:
                found = yield wanted.send(found)
            except StopIteration as end:
                said: str = end.value
                return said

    return replace(scenario, script=script)


def _wrong(draw: random.Random, right: Ask) -> Ask:
    """An argument of another name, one left out, or a tool that there is not."""
    arguments: dict[str, Any] = dict(right.arguments)
    name = draw.choice(list(arguments))
    # Nothing has to be there for these: the call would be made.
    kind = draw.choice(
        ("renamed", "tool") if right.tool in ("clock", "query_tables") else ("renamed", "missing", "tool")
    )
    if kind == "tool":
        return Ask(draw.choice(CONFUSED[right.tool]), arguments, learned=False)
    value = arguments.pop(name)
    other: Mapping[str, Any] = {"renamed": {_RENAMED.get(name, "input"): value}, "missing": {}}[kind]
    return Ask(right.tool, {**arguments, **other}, learned=False)


_RENAMED = {
    "place": "city", "expression": "formula", "query": "q", "url": "link", "sql": "statement", "amount": "value",
    "from_unit": "from", "to_unit": "to", "days": "day", "time": "at", "other_place": "to",
}  # fmt: skip

"""Scenarios of the calculator over days: how many lie between, what day it is then, and its weekday."""

from __future__ import annotations

import random
from datetime import date, timedelta

from agents.tools.arithmetic.formats import weekday_text
from ragbot.training.agent.computing import calculated
from ragbot.training.agent.scenarios import Ask, Scenario, Script, Stage, data
from ragbot.training.agent.texts import answer, question


def days(stage: Stage) -> Scenario:
    """Days between two days, until a day, a day so many days ahead or ago, or the weekday of one."""
    draw, language = stage.draw, stage.language
    first, second = _two_days(draw)
    ahead, count = stage.today + timedelta(days=draw.randint(4, 500)), draw.randint(6, 400)
    template, expression = draw.choice(
        (
            ("days-between", f"{second} - {first}"),
            ("days-ahead", f"today + {count} days"),
            ("days-ago", f"today - {count} days"),
            ("days-until", f"{ahead} - today"),
            ("weekday-of", ""),
        )
    )
    if template == "weekday-of":
        return _weekday(stage, draw.choice((first, second, ahead)))
    last = ahead if template == "days-until" else second
    values = {"d1": spoken(draw, first, language), "d2": spoken(draw, last, language), "count": count}
    return calculated(stage, template, expression, values)


def date_weekday(stage: Stage) -> Scenario:
    """A day ahead and its weekday: two calls, the second with what the first found."""
    draw, language = stage.draw, stage.language
    count = draw.randint(6, 400)

    def script() -> Script:
        first = yield Ask("calculator", {"expression": f"today + {count} days"})
        day = str(data(first)["date"])
        found = yield Ask("calculator", {"expression": f"weekday of {day}"})
        value = weekday_text(int(data(found)["weekday"]) - 1, language)
        return answer(draw, language, "date-weekday", a=day, s1=first.source, value=value, s=found.source)

    asked = question(draw, language, "date-weekday", count=count)
    return Scenario("date-weekday", language, asked, ("calculator",), script)


def weeks_between(stage: Stage) -> Scenario:
    """The days between two days, and how many weeks they are."""
    draw, language = stage.draw, stage.language
    first, second = _two_days(draw)
    values = {"d1": spoken(draw, first, language), "d2": spoken(draw, second, language)}

    def script() -> Script:
        between = yield Ask("calculator", {"expression": f"{second} - {first}"})
        a = data(between)["shown"]
        found = yield Ask("calculator", {"expression": f"round({a} / 7, 1)"})
        filled = {"a": a, "s1": between.source, "value": data(found)["shown"], "s": found.source}
        return answer(draw, language, "weeks-between", **values, **filled)

    asked = question(draw, language, "weeks-between", **values)
    return Scenario("weeks-between", language, asked, ("calculator",), script)


def spoken(draw: random.Random, day: date, language: str) -> str:
    """A day as people write it, in one of several ways."""
    if language == "zh":
        return draw.choice(
            (f"{day.year}年{day.month}月{day.day}日", f"{day.year}年{day.month}月{day.day}号", f" {day} ")
        )
    return draw.choice(
        (f"{day.day} {day:%B %Y}", f"{day:%B} {day.day}, {day.year}", f"{day.day} {day:%b %Y}", f"{day}")
    )


def _two_days(draw: random.Random) -> tuple[date, date]:
    first = date(2024, 1, 1) + timedelta(days=draw.randint(0, 1100))
    return first, first + timedelta(days=draw.randint(5, 400))


def _weekday(stage: Stage, day: date) -> Scenario:
    draw, language = stage.draw, stage.language
    written = spoken(draw, day, language)

    def script() -> Script:
        found = yield Ask("calculator", {"expression": f"weekday of {day}"})
        value = weekday_text(int(data(found)["weekday"]) - 1, language)
        return answer(draw, language, "weekday-of", d1=written.strip(), value=value, s=found.source)

    asked = question(draw, language, "weekday-of", d1=written)
    return Scenario("weekday-of", language, asked, ("calculator",), script)

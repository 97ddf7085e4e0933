"""Scenarios of the clock: what time it is, here and elsewhere, and how far two places are apart."""

from __future__ import annotations

from datetime import datetime

from agents.tools.arithmetic.formats import weekday_text
from ragbot.training.agent.scenarios import Ask, Scenario, Script, Stage, UnusableError, data
from ragbot.training.agent.texts import answer, question


def time_there(stage: Stage) -> Scenario:
    """What time it is somewhere."""
    draw, language = stage.draw, stage.language
    place = stage.place()

    def script() -> Script:
        found = yield Ask("clock", {"place": place})
        value = _clock(data(found)["time"])
        return answer(draw, language, "time-there", place=place, value=value, s=found.source)

    asked = question(draw, language, "time-there", place=place)
    return Scenario("time-there", language, asked, ("clock",), script)


def time_here(stage: Stage) -> Scenario:
    """The time, the date or the weekday, where the person is."""
    draw, language = stage.draw, stage.language
    template = draw.choice(("time-here", "date-today", "weekday-today"))

    def script() -> Script:
        found = yield Ask("clock", {})
        moment = datetime.fromisoformat(str(data(found)["time"]))
        value = {
            "time-here": f"{moment:%H:%M}",
            "date-today": f"{moment:%Y-%m-%d}",
            "weekday-today": weekday_text(moment.weekday(), language),
        }[template]
        return answer(draw, language, template, value=value, s=found.source)

    return Scenario(template, language, question(draw, language, template), ("clock",), script)


def time_moved(stage: Stage) -> Scenario:
    """A time of one place at another."""
    draw, language = stage.draw, stage.language
    place, other = stage.two_places()
    time = f"{draw.randint(6, 22):02}:{draw.choice((0, 15, 30, 45)):02}"

    def script() -> Script:
        found = yield Ask("clock", {"place": place, "time": time, "other_place": other})
        value = _clock(data(found)["other_time"])
        return answer(draw, language, "time-moved", place=place, other=other, value=value, s=found.source)

    asked = question(draw, language, "time-moved", place=place, other=other, time=time)
    return Scenario("time-moved", language, asked, ("clock",), script)


def time_apart(stage: Stage) -> Scenario:
    """The difference between two places."""
    draw, language = stage.draw, stage.language
    place, other = stage.two_places()

    def script() -> Script:
        found = yield Ask("clock", {"place": place, "other_place": other})
        one, two = (datetime.fromisoformat(str(data(found)[name])).utcoffset() for name in ("time", "other_time"))
        if one is None or two is None or one == two:
            raise UnusableError(found.text)
        hours, rest = divmod(abs(one - two).seconds // 60, 60)
        if language == "zh":
            value = f"{hours} 小时 {rest} 分钟" if rest else f"{hours} 小时"
        else:
            value = f"{hours} h {rest} min" if rest else f"{hours} h"
        if value not in found.text:
            raise UnusableError(found.text)
        return answer(draw, language, "time-apart", place=place, other=other, value=value, s=found.source)

    asked = question(draw, language, "time-apart", place=place, other=other)
    return Scenario("time-apart", language, asked, ("clock",), script)


def _clock(moment: object) -> str:
    return f"{datetime.fromisoformat(str(moment)):%H:%M}"

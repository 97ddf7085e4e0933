"""Scenarios of the weather: one thing about one place, two places compared, and what is computed from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agents.steps import Observation
from agents.tools.weather_data.codes import sky
from ragbot.training.agent.scenarios import Ask, Scenario, Script, Stage, UnusableError, data, plain
from ragbot.training.agent.texts import answer, question, things

Report = Mapping[str, Any]
#: What is read off a report, by template; days from today on.
READINGS: Mapping[str, Callable[[Report], float]] = {
    "weather-now": lambda found: found["now"]["temperature"],
    "weather-sky": lambda found: found["now"]["temperature"],
    "weather-feels": lambda found: found["now"]["feels_like"],
    "weather-humid": lambda found: found["now"]["humidity"],
    "weather-wind": lambda found: found["now"]["wind"],
    "weather-rain": lambda found: found["days"][0]["chance"],
    "weather-umbrella": lambda found: found["days"][0]["chance"],
    "weather-day": lambda found: found["days"][1]["high"],
    "weather-low": lambda found: found["days"][1]["low"],
    "weather-rain-tomorrow": lambda found: found["days"][1]["chance"],
    "weather-week": lambda found: found["days"][-1]["high"],
}
_TOMORROW = ("weather-day", "weather-low", "weather-rain-tomorrow")
#: From this chance of rain on, in percent, an umbrella is needed.
_WET = 50


def weather(stage: Stage) -> Scenario:
    """One thing about the weather of one place."""
    draw, language = stage.draw, stage.language
    template = draw.choice(list(READINGS))
    place, ahead = stage.place(), draw.randint(2, 6)
    days = ahead + 1 if template == "weather-week" else 2 if template in _TOMORROW else 0
    arguments: dict[str, Any] = {"place": place, **({"days": days} if days else {})}

    def script() -> Script:
        found = yield Ask("weather", arguments)
        report = data(found)
        number = READINGS[template](report)
        verdict = things(language, "phrases")["verdicts"][number < _WET]
        said = answer(
            draw,
            language,
            template,
            place=place,
            ahead=ahead,
            value=_shown(number),
            sky=sky(report["now"]["code"], language),
            verdict=verdict,
            s=found.source,
        )
        return said[0].upper() + said[1:]

    asked = question(draw, language, template, place=place, ahead=ahead)
    return Scenario(template, language, asked, ("weather",), script)


def time_and_weather(stage: Stage) -> Scenario:
    """Two things about one place, from two tools."""
    draw, language = stage.draw, stage.language
    place = stage.place()

    def script() -> Script:
        first = yield Ask("clock", {"place": place})
        time = str(data(first)["time"])[11:16]
        found = yield Ask("weather", {"place": place})
        filled = {"a": time, "s1": first.source, "value": f"{temperature(found):g}", "s": found.source}
        return answer(draw, language, "time-and-weather", place=place, **filled)

    asked = question(draw, language, "time-and-weather", place=place)
    return Scenario("time-and-weather", language, asked, ("clock", "weather"), script)


def weather_difference(stage: Stage) -> Scenario:
    """The temperatures of two places, taken from each other: arguments that come from observations."""
    draw, language = stage.draw, stage.language
    place, other = stage.two_places()

    def script() -> Script:
        first = yield Ask("weather", {"place": place})
        second = yield Ask("weather", {"place": other})
        a, b = temperature(first), temperature(second)
        found = yield Ask("calculator", {"expression": _apart(a, b)})
        filled = {"place": place, "other": other, "a": f"{a:g}", "b": f"{b:g}", "s1": first.source, "s2": second.source}
        value = data(found)["shown"]
        return answer(draw, language, "weather-difference", **filled, value=value, s=found.source)

    asked = question(draw, language, "weather-difference", place=place, other=other)
    return Scenario("weather-difference", language, asked, ("weather", "calculator"), script)


def weather_compared(stage: Stage) -> Scenario:
    """Which of two places is warmer, or colder: two calls, and nothing to compute."""
    draw, language = stage.draw, stage.language
    template = draw.choice(("weather-warmer", "weather-colder"))
    place, other = stage.two_places()

    def script() -> Script:
        first = yield Ask("weather", {"place": place})
        second = yield Ask("weather", {"place": other})
        a, b = temperature(first), temperature(second)
        if a == b:
            raise UnusableError("none is warmer")
        value = place if (a > b) == (template == "weather-warmer") else other
        filled = {"place": place, "other": other, "a": f"{a:g}", "b": f"{b:g}", "s1": first.source, "s": second.source}
        return answer(draw, language, template, **filled, value=value)

    asked = question(draw, language, template, place=place, other=other)
    return Scenario(template, language, asked, ("weather",), script)


def weather_unit(stage: Stage) -> Scenario:
    """A temperature in another unit."""
    draw, language = stage.draw, stage.language
    place = stage.place()
    names = ("摄氏度", "华氏度") if language == "zh" else ("°C", "°F")

    def script() -> Script:
        first = yield Ask("weather", {"place": place})
        a = temperature(first)
        found = yield Ask("units", {"amount": plain(f"{a:g}"), "from_unit": names[0], "to_unit": names[1]})
        value = data(found)["shown"]
        return answer(draw, language, "weather-unit", a=f"{a:g}", value=value, s1=first.source, s=found.source)

    asked = question(draw, language, "weather-unit", place=place)
    return Scenario("weather-unit", language, asked, ("weather", "units"), script)


def weather_spread(stage: Stage) -> Scenario:
    """What lies between the low and the high of tomorrow: two numbers of one report."""
    draw, language = stage.draw, stage.language
    place = stage.place()

    def script() -> Script:
        first = yield Ask("weather", {"place": place, "days": 2})
        day = data(first)["days"][1]
        low, high = float(day["low"]), float(day["high"])
        found = yield Ask("calculator", {"expression": _apart(low, high)})
        filled = {"a": _shown(low), "b": _shown(high), "s1": first.source}
        return answer(draw, language, "weather-spread", **filled, value=data(found)["shown"], s=found.source)

    asked = question(draw, language, "weather-spread", place=place)
    return Scenario("weather-spread", language, asked, ("weather", "calculator"), script)


def temperature(found: Observation) -> float:
    """How warm it is now. Raises UnusableError where a report does not say it."""
    value = float(data(found)["now"]["temperature"])
    _shown(value)
    return value


def _shown(number: float) -> str:
    text = f"{number:g}"
    if text == "-0":
        raise UnusableError("nobody says minus nothing")
    return text


def _apart(a: float, b: float) -> str:
    low, high = sorted((a, b))  # a difference is said without a sign
    right = f"{low:g}" if low >= 0 else f"({low:g})"
    return f"{high:g} - {right}"

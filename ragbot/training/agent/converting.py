"""Scenarios of units: one conversion, and conversions that something is computed with."""

from __future__ import annotations

from collections.abc import Mapping

from ragbot.training.agent.scenarios import Ask, Scenario, Script, Stage, UnusableError, data, plain
from ragbot.training.agent.texts import answer, question, things

#: Pairs of units, as people of each language name them, and amounts that they have.
PAIRS = {
    "en": (
        ("km", "miles", 1, 900), ("miles", "km", 1, 900), ("kg", "pounds", 1, 200), ("pounds", "kg", 1, 400),
        ("cm", "inches", 2, 300), ("inches", "cm", 2, 120), ("°F", "°C", 10, 110), ("°C", "°F", -20, 45),
        ("litres", "gallons", 1, 90), ("gallons", "litres", 1, 60), ("metres", "feet", 2, 400), ("feet", "metres", 5, 900),
        ("hours", "minutes", 2, 50), ("days", "hours", 2, 60), ("GB", "MB", 1, 500), ("ounces", "grams", 1, 90),
        ("mph", "km/h", 5, 180), ("km/h", "mph", 5, 260), ("acres", "hectares", 2, 700), ("hectares", "acres", 2, 300),
        ("square metres", "square feet", 8, 400), ("cups", "ml", 1, 12), ("pints", "litres", 1, 40), ("stone", "kg", 4, 22),
        ("yards", "metres", 3, 600), ("nautical miles", "km", 2, 400), ("tonnes", "kg", 1, 90), ("weeks", "days", 2, 70),
        ("m/s", "km/h", 2, 60), ("minutes", "seconds", 2, 90), ("mm", "cm", 5, 900), ("grams", "ounces", 20, 900),
    ),
    "zh": (
        ("公里", "英里", 1, 900), ("英里", "公里", 1, 900), ("斤", "千克", 1, 200), ("千克", "斤", 1, 200),
        ("厘米", "英寸", 2, 300), ("英寸", "厘米", 2, 120), ("华氏度", "摄氏度", 10, 110), ("摄氏度", "华氏度", -20, 45),
        ("亩", "平方米", 1, 80), ("米", "英尺", 2, 400), ("里", "公里", 2, 300), ("小时", "分钟", 2, 50),
        ("千克", "磅", 1, 200), ("磅", "千克", 1, 300), ("升", "毫升", 1, 40), ("天", "小时", 2, 60),
        ("公顷", "亩", 1, 90), ("亩", "公顷", 5, 900), ("米/秒", "公里/小时", 2, 60), ("两", "克", 1, 60),
        ("尺", "厘米", 1, 40), ("寸", "厘米", 1, 90), ("丈", "米", 1, 40), ("海里", "公里", 2, 400),
        ("码", "米", 3, 600), ("加仑", "升", 1, 60), ("周", "天", 2, 70), ("吨", "千克", 1, 90),
        ("平方米", "亩", 60, 4000), ("分钟", "秒", 2, 90), ("毫米", "厘米", 5, 900), ("英尺", "米", 5, 900),
    ),
}  # fmt: skip
#: Units that a quantity for a unit is asked in, from which it is converted, and the expression; by template.
PER: Mapping[str, tuple[str, Mapping[str, tuple[str, ...]], str]] = {
    "fuel-use": ("km", {"en": ("miles",), "zh": ("英里", "里")}, "round({a} / {c} * 100, 2)"),
    "price-per": ("kg", {"en": ("pounds", "ounces"), "zh": ("斤", "磅", "两")}, "round({a} / {c}, 2)"),
    "yield-per": ("hectares", {"en": ("acres",), "zh": ("亩", "英亩")}, "round({a} / {c}, 2)"),
}
#: Characters of a number that goes on into a second call.
_LONGEST = 12
#: Units in which nobody adds up amounts.
_NOT_ADDED = ("°F", "°C", "氏度", "mph", "km/h", "m/s", "米/秒")
_GOALS = {"km": "公里", "kg": "千克", "hectares": "公顷"}
#: How many of the first unit, and of what stands beside it.
_AMOUNTS = {"fuel-use": (60, 900, 6, 80), "price-per": (3, 60, 4, 90), "yield-per": (12, 800, 20, 3000)}  # fmt: skip


def conversion(stage: Stage) -> Scenario:
    """An amount in another unit."""
    draw, language = stage.draw, stage.language
    source, goal, low, high = draw.choice(PAIRS[language])
    n = draw.choice((draw.randint(low, high), plain(str(draw.randint(low * 10, high * 10) / 10))))
    asked = question(draw, language, "convert", n=n, **{"from": source, "to": goal})

    def script() -> Script:
        found = yield Ask("units", {"amount": n, "from_unit": source, "to_unit": goal})
        value = data(found)["shown"]
        filled = {"n": n, "from": source, "to": goal, "value": value, "s": found.source}
        return answer(draw, language, "convert", **filled)

    return Scenario("convert", language, asked, ("units",), script)


def sum_convert(stage: Stage) -> Scenario:
    """A sum, and then in another unit."""
    draw, language = stage.draw, stage.language
    source, goal, low, high = _adding(stage)
    a, b = draw.randint(low, high), draw.randint(low, high)

    def script() -> Script:
        first = yield Ask("calculator", {"expression": f"{a} + {b}"})
        found = yield Ask("units", {"amount": a + b, "from_unit": source, "to_unit": goal})
        filled = {"from": source, "to": goal, "c": a + b, "value": data(found)["shown"], "s": found.source}
        return answer(draw, language, "sum-convert", **filled, s1=first.source)

    asked = question(draw, language, "sum-convert", a=a, b=b, **{"from": source, "to": goal})
    return Scenario("sum-convert", language, asked, ("calculator", "units"), script)


def convert_times(stage: Stage) -> Scenario:
    """An amount in another unit, and so many times that."""
    draw, language = stage.draw, stage.language
    source, goal, low, high = _adding(stage)
    n, count = draw.randint(low, high), draw.randint(3, 40)
    values = {"from": source, "to": goal, "n": n, "count": count}

    def script() -> Script:
        first = yield Ask("units", {"amount": n, "from_unit": source, "to_unit": goal})
        a = data(first)["shown"]
        if len(a) > _LONGEST:
            raise UnusableError("too many digits to copy")
        found = yield Ask("calculator", {"expression": f"round({a} * {count}, 2)"})
        filled = {"a": a, "s1": first.source, "value": data(found)["shown"], "s": found.source}
        return answer(draw, language, "convert-times", **values, **filled)

    asked = question(draw, language, "convert-times", **values)
    return Scenario("convert-times", language, asked, ("units", "calculator"), script)


def per_unit(stage: Stage) -> Scenario:
    """So much for one unit, where what is known is in another: fuel, a price, a harvest."""
    draw, language = stage.draw, stage.language
    template = draw.choice(list(PER))
    goal, sources, expression = PER[template]
    source = draw.choice(sources[language])
    low, high, least, most = _AMOUNTS[template]
    n, a = draw.randint(low, high), draw.randint(least, most)
    phrases = things(language, "phrases")
    values = {
        "n": n,
        "a": a,
        "from": source,
        "goods": draw.choice(phrases["crops" if template == "yield-per" else "goods"]),
    }

    def script() -> Script:
        to = _GOALS[goal] if language == "zh" else goal
        first = yield Ask("units", {"amount": n, "from_unit": source, "to_unit": to})
        c = data(first)["shown"]
        found = yield Ask("calculator", {"expression": expression.format(a=a, c=c)})
        filled = {"c": c, "s1": first.source, "value": data(found)["shown"], "s": found.source}
        return answer(draw, language, template, **values, **filled)

    asked = question(draw, language, template, **values)
    return Scenario(template, language, asked, ("units", "calculator"), script)


def _adding(stage: Stage) -> tuple[str, str, int, int]:
    """A pair of units in which people add amounts: not of temperature or speed."""
    pairs = [pair for pair in PAIRS[stage.language] if not pair[0].endswith(_NOT_ADDED)]
    return stage.draw.choice(pairs)

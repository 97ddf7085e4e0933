"""Scenarios of tools that compute: numbers, days, units, times."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

from eval.agents.services import Spot
from ragbot.training.agent.scenarios import Ask, Scenario, Script, answer, data, question

THINGS = {
    "en": ("coat", "bicycle", "tent", "chair", "camera", "sofa", "guitar", "watch", "printer", "carpet"),
    "zh": ("外套", "自行车", "帐篷", "椅子", "相机", "沙发", "吉他", "手表", "打印机", "地毯"),
}
#: Pairs of units, as people of each language name them, and amounts that they have.
PAIRS = {
    "en": (
        ("km", "miles", 1, 900), ("miles", "km", 1, 900), ("kg", "pounds", 1, 200), ("pounds", "kg", 1, 400),
        ("cm", "inches", 2, 300), ("inches", "cm", 2, 120), ("°F", "°C", 10, 110), ("°C", "°F", -20, 45),
        ("litres", "gallons", 1, 90), ("gallons", "litres", 1, 60), ("metres", "feet", 2, 400), ("feet", "metres", 5, 900),
        ("hours", "minutes", 2, 50), ("days", "hours", 2, 60), ("GB", "MB", 1, 500), ("ounces", "grams", 1, 90),
    ),
    "zh": (
        ("公里", "英里", 1, 900), ("英里", "公里", 1, 900), ("斤", "千克", 1, 200), ("千克", "斤", 1, 200),
        ("厘米", "英寸", 2, 300), ("英寸", "厘米", 2, 120), ("华氏度", "摄氏度", 10, 110), ("摄氏度", "华氏度", -20, 45),
        ("亩", "平方米", 1, 80), ("米", "英尺", 2, 400), ("里", "公里", 2, 300), ("小时", "分钟", 2, 50),
        ("千克", "磅", 1, 200), ("磅", "千克", 1, 300), ("升", "毫升", 1, 40), ("天", "小时", 2, 60),
    ),
}  # fmt: skip
#: Currencies that are never in the person's rates here.
MONEY = {
    "en": ("euros", "US dollars", "British pounds", "Swiss francs"),
    "zh": ("欧元", "美元", "英镑", "瑞士法郎"),
}
_SIGNS = {"euros": "EUR", "US dollars": "USD", "British pounds": "GBP", "Swiss francs": "CHF"}


def arithmetic(draw: random.Random, language: str) -> Scenario:
    """A sum, product, percentage, discount, share, change or rest."""
    template = draw.choice(("percent-of", "product", "sum", "discount", "split-bill", "change", "rest", "pay"))
    n = draw.choice((draw.randint(20, 5000), draw.randint(200, 90000) / 100))
    p, count = draw.choice((3, 5, 7, 8, 12, 15, 17, 22, 24, 28, 35, 45, 65)), draw.randint(2, 14)
    a, b, c = (draw.randint(11, 999) for _ in range(3))
    values: dict[str, object] = {"n": n, "p": p, "count": count, "a": a, "b": b, "c": c}
    if template == "rest":
        values["n"] = n = round(n + 2000, 2)  # enough to be spent
    values["thing"] = draw.choice(THINGS[language])
    expression = {
        "percent-of": f"{p}% of {n}",
        "product": f"{a} * {b}",
        "sum": f"{a} + {b} + {c}",
        "discount": f"{n} - {p}%",
        "split-bill": f"round({n} / {count}, 2)",
        "change": f"round(({b} - {a}) / {a} * 100, 1)",
        "rest": f"{n} - {a} - {b}",
        "pay": f"{a} * {b}",
    }[template]
    return _calculated(draw, language, template, expression, values)


def days(draw: random.Random, language: str) -> Scenario:
    """Days between two days, or a day so many days ahead."""
    first = date(2024, 1, 1) + timedelta(days=draw.randint(0, 900))
    second = first + timedelta(days=draw.randint(5, 400))
    count = draw.randint(6, 400)
    template, expression = draw.choice(
        (("days-between", f"{second} - {first}"), ("days-ahead", f"today + {count} days"))
    )
    values = {"d1": spoken(first, language), "d2": spoken(second, language), "count": count}
    return _calculated(draw, language, template, expression, values)


def date_weekday(draw: random.Random, language: str) -> Scenario:
    """A day ahead and its weekday: two calls, the second with what the first found."""
    count = draw.randint(6, 400)

    def script() -> Script:
        first = yield Ask("calculator", {"expression": f"today + {count} days"})
        day = str(data(first)["date"])
        found = yield Ask("calculator", {"expression": f"weekday of {day}"})
        names = _WEEKDAYS[language]
        value = names[int(data(found)["weekday"]) - 1]
        return answer(draw, language, "date-weekday", a=day, s1=first.source, value=value, s=found.source)

    asked = question(draw, language, "date-weekday", count=count)
    return Scenario("date-weekday", language, asked, ("calculator",), script)


def sum_convert(draw: random.Random, language: str) -> Scenario:
    """A sum, and then in another unit."""
    source, goal, low, high = draw.choice(
        [pair for pair in PAIRS[language] if not pair[0].endswith(("°F", "°C", "氏度"))]
    )
    a, b = draw.randint(low, high), draw.randint(low, high)

    def script() -> Script:
        first = yield Ask("calculator", {"expression": f"{a} + {b}"})
        found = yield Ask("units", {"amount": a + b, "from_unit": source, "to_unit": goal})
        filled = {"from": source, "to": goal, "c": a + b, "value": data(found)["shown"], "s": found.source}
        return answer(draw, language, "sum-convert", **filled, s1=first.source)

    asked = question(draw, language, "sum-convert", a=a, b=b, **{"from": source, "to": goal})
    return Scenario("sum-convert", language, asked, ("calculator", "units"), script)


_WEEKDAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "zh": ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"),
}


def spoken(day: date, language: str) -> str:
    """A day as people write it."""
    return f"{day.year}年{day.month}月{day.day}日" if language == "zh" else f"{day.day} {day:%B %Y}"


def conversion(draw: random.Random, language: str) -> Scenario:
    """An amount in another unit."""
    source, goal, low, high = draw.choice(PAIRS[language])
    n = draw.choice((draw.randint(low, high), draw.randint(low * 10, high * 10) / 10))
    asked = question(draw, language, "convert", n=n, **{"from": source, "to": goal})

    def script() -> Script:
        found = yield Ask("units", {"amount": n, "from_unit": source, "to_unit": goal})
        value = data(found)["shown"]
        filled = {"n": n, "from": source, "to": goal, "value": value, "s": found.source}
        return answer(draw, language, "convert", **filled)

    return Scenario("convert", language, asked, ("units",), script)


def no_rates(draw: random.Random, language: str) -> Scenario:
    """Money in another currency: there are no rates, and the answer says so."""
    source, goal = draw.sample(MONEY[language], 2)
    n = draw.choice((20, 35, 60, 75, 120, 150, 240, 300, 450, 800, 1200, 2500))
    asked = question(draw, language, "no-rates", n=n, **{"from": source, "to": goal})
    codes = [_SIGNS.get(name, name) for name in (source, goal)]

    def script() -> Script:
        yield Ask("units", {"amount": n, "from_unit": codes[0], "to_unit": codes[1]})
        return answer(draw, language, "no-rates", **{"from": source, "to": goal})

    return Scenario("no-rates", language, asked, ("units",), script)


def time_there(draw: random.Random, language: str, places: list[Spot]) -> Scenario:
    """What time it is somewhere."""
    place = _name(draw.choice(places), language)
    asked = question(draw, language, "time-there", place=place)

    def script() -> Script:
        found = yield Ask("clock", {"place": place})
        value = _clock(str(data(found)["time"]))
        return answer(draw, language, "time-there", place=place, value=value, s=found.source)

    return Scenario("time-there", language, asked, ("clock",), script)


def time_moved(draw: random.Random, language: str, places: list[Spot]) -> Scenario:
    """A time of one place at another."""
    place, other = (_name(one, language) for one in draw.sample(places, 2))
    time = f"{draw.randint(6, 22):02}:{draw.choice((0, 15, 30, 45)):02}"
    asked = question(draw, language, "time-moved", place=place, other=other, time=time)

    def script() -> Script:
        found = yield Ask("clock", {"place": place, "time": time, "other_place": other})
        value = _clock(str(data(found)["other_time"]))
        return answer(draw, language, "time-moved", place=place, other=other, value=value, s=found.source)

    return Scenario("time-moved", language, asked, ("clock",), script)


def _calculated(
    draw: random.Random, language: str, template: str, expression: str, values: dict[str, object]
) -> Scenario:
    asked = question(draw, language, template, **values)

    def script() -> Script:
        found = yield Ask("calculator", {"expression": expression})
        result = data(found)
        value = result.get("date") or result["shown"]
        return answer(draw, language, template, **values, value=value, s=found.source)

    return Scenario(template, language, asked, ("calculator",), script)


def _clock(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%H:%M}"


def _name(place: Spot, language: str) -> str:
    return place.zh if language == "zh" else place.name

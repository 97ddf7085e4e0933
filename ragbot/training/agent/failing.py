"""Scenarios in which something is not to be had: the answer says so, and invents nothing."""

from __future__ import annotations

from ragbot.training.agent.scenarios import Ask, Scenario, Script, Stage, data, failed
from ragbot.training.agent.subjects import subject
from ragbot.training.agent.texts import answer, question, things
from ragbot.training.agent.weather import temperature
from ragbot.training.agent.web import beside, search

#: Currencies that are never in the person's rates here, and how a call names them.
MONEY = {
    "en": ("euros=EUR", "US dollars=USD", "British pounds=GBP", "Swiss francs=CHF", "Japanese yen=JPY", "Canadian dollars=CAD",
           "Swedish kronor=SEK", "Australian dollars=AUD"),
    "zh": ("欧元=欧元", "美元=美元", "英镑=英镑", "瑞士法郎=瑞士法郎", "日元=日元", "加元=加元", "港币=港币", "韩元=韩元"),
}  # fmt: skip
#: Units of different kinds.
MIXED = {
    "en": (("kg", "metres"), ("litres", "km"), ("hours", "miles"), ("acres", "hours"), ("°C", "kg"), ("pounds", "feet"),
           ("GB", "grams"), ("metres", "litres"), ("minutes", "kg"), ("inches", "ounces")),
    "zh": (("千克", "米"), ("升", "公里"), ("小时", "英里"), ("亩", "小时"), ("摄氏度", "千克"), ("斤", "厘米"),
           ("GB", "克"), ("米", "升"), ("分钟", "千克"), ("英寸", "两")),
}  # fmt: skip


def weather_fails(stage: Stage) -> Scenario:
    """A service that is away, or a place that there is not."""
    draw, language = stage.draw, stage.language
    template = draw.choice(("weather-away", "unknown-place"))
    place = nowhere(stage) if template == "unknown-place" else stage.place()

    def script() -> Script:
        found = yield Ask("weather", {"place": place})
        failed(found)
        return answer(draw, language, template, place=place)

    fault = draw.choice(("400", "404", "broken", "shape"))  # 5xx is tried again, which costs half a second
    faults = {"forecast": fault} if template == "weather-away" else {}
    asked = question(draw, language, template, place=place)
    return Scenario(template, language, asked, ("weather",), script, faults)


def weather_half(stage: Stage) -> Scenario:
    """Of two places, there is no second: the first is told all the same."""
    draw, language = stage.draw, stage.language
    place, other = stage.place(), nowhere(stage)

    def script() -> Script:
        first = yield Ask("weather", {"place": place})
        value = f"{temperature(first):g}"
        failed((yield Ask("weather", {"place": other})))
        return answer(draw, language, "weather-half", place=place, other=other, value=value, s=first.source)

    asked = question(draw, language, "weather-half", place=place, other=other)
    return Scenario("weather-half", language, asked, ("weather",), script)


def clock_unknown(stage: Stage) -> Scenario:
    """The time at a place that there is not."""
    draw, language = stage.draw, stage.language
    place = nowhere(stage)

    def script() -> Script:
        failed((yield Ask("clock", {"place": place})))
        return answer(draw, language, "clock-unknown", place=place)

    return Scenario(
        "clock-unknown", language, question(draw, language, "clock-unknown", place=place), ("clock",), script
    )


def web_fails(stage: Stage) -> Scenario:
    """A search that does not work, or finds nothing."""
    draw, language = stage.draw, stage.language
    template = draw.choice(("web-away", "web-nothing"))
    fact = beside(stage, subject(stage))
    if template == "web-nothing":
        stage.pages.clear()

    def script() -> Script:
        found = yield search(fact)
        if template == "web-away":
            failed(found)
        else:
            data(found)
        return answer(draw, language, template, fact=fact.phrase)

    faults = {"search": draw.choice(("400", "broken"))} if template == "web-away" else {}
    asked = question(draw, language, template, fact=fact.phrase)
    return Scenario(template, language, asked, ("web_search",), script, faults)


def page_fails(stage: Stage) -> Scenario:
    """A page that is not there, or cannot be read."""
    draw, language = stage.draw, stage.language
    template = draw.choice(("page-gone", "page-away"))
    url = subject(stage).page.url
    stage.pages.clear()

    def script() -> Script:
        failed((yield Ask("fetch_page", {"url": url})), "404" if template == "page-gone" else "")
        return answer(draw, language, template, url=url)

    faults = {"pages": draw.choice(("400", "500", "503"))} if template == "page-away" else {}
    asked = question(draw, language, template, url=url)
    return Scenario(template, language, asked, ("fetch_page",), script, faults)


def no_rates(stage: Stage) -> Scenario:
    """Money in another currency: there are no rates, and the answer says so."""
    draw, language = stage.draw, stage.language
    (source, left), (goal, right) = (one.split("=") for one in draw.sample(MONEY[language], 2))
    n = draw.choice((20, 35, 60, 75, 90, 120, 150, 180, 240, 300, 350, 450, 620, 800, 1200, 2500))
    values = {"n": n, "from": source, "to": goal}

    def script() -> Script:
        found = yield Ask("units", {"amount": n, "from_unit": left, "to_unit": right})
        failed(found, "没有汇率" if language == "zh" else "no exchange rates")
        return answer(draw, language, "no-rates", **values)

    return Scenario("no-rates", language, question(draw, language, "no-rates", **values), ("units",), script)


def units_different(stage: Stage) -> Scenario:
    """An amount in a unit of another kind: it cannot be converted."""
    draw, language = stage.draw, stage.language
    source, goal = draw.choice(MIXED[language])
    n = draw.randint(2, 900)
    values = {"n": n, "from": source, "to": goal}

    def script() -> Script:
        found = yield Ask("units", {"amount": n, "from_unit": source, "to_unit": goal})
        failed(found, "不是同一种量" if language == "zh" else "different things")
        return answer(draw, language, "units-different", **values)

    asked = question(draw, language, "units-different", **values)
    return Scenario("units-different", language, asked, ("units",), script)


def nowhere(stage: Stage) -> str:
    """The name of a place that there is not."""
    phrases = things(stage.language, "phrases")
    count = 2 if stage.language == "zh" else 3
    name = "".join(stage.draw.sample(phrases["syllables"], count)).capitalize()
    return f"{name}{stage.draw.choice(phrases['endings'])}"

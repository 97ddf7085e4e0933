"""Scenarios that compute with what the web says: prices, the age of a place, a length in another unit."""

from __future__ import annotations

from ragbot.training.agent.scenarios import Ask, Scenario, Script, Stage, data, plain
from ragbot.training.agent.subjects import subject
from ragbot.training.agent.texts import answer, question
from ragbot.training.agent.web import beside, search, stands


def web_times(stage: Stage) -> Scenario:
    """A price that a search or a named page tells, so many times."""
    draw, language = stage.draw, stage.language
    template = draw.choice(("web-times", "web-times", "page-times"))
    found = subject(stage, ("price",), orders=draw.random() < 0.2)
    fact, count = beside(stage, found), draw.randint(3, 30)
    values = {"count": count, "many": fact.many, "url": found.page.url}

    def script() -> Script:
        first = yield Ask("fetch_page", {"url": found.page.url}) if template == "page-times" else search(fact)
        stands(fact.sentence, first)
        result = yield Ask("calculator", {"expression": f"{count} * {fact.value}"})
        filled = {"a": fact.value, "s1": first.source, "value": data(result)["shown"], "s": result.source}
        return answer(draw, language, template, **values, **filled)

    needs = ("fetch_page" if template == "page-times" else "web_search", "calculator")
    return Scenario(template, language, question(draw, language, template, **values), needs, script)


def web_two(stage: Stage) -> Scenario:
    """Two prices: their sum, their difference, or which is lower."""
    draw, language = stage.draw, stage.language
    template = draw.choice(("web-sum", "web-apart", "web-cheaper"))
    one = subject(stage, ("price",))
    two = subject(stage, ("price",), unlike=one.fact.name)
    first, second = beside(stage, one, two), two.fact
    values = {"one": first.one, "other": second.one}

    def script() -> Script:
        left = yield search(first)
        stands(first.sentence, left)
        right = yield search(second)
        stands(second.sentence, right)
        a, b = int(first.value), int(second.value)
        filled = {"a": a, "b": b, "s1": left.source, "name": first.name, "rival": second.name}
        if template == "web-cheaper":
            value = first.name if a < b else second.name
            return answer(draw, language, template, **values, **filled, value=value, s=right.source)
        expression = f"{a} + {b}" if template == "web-sum" else f"{max(a, b)} - {min(a, b)}"
        found = yield Ask("calculator", {"expression": expression})
        filled |= {"s2": right.source, "value": data(found)["shown"], "s": found.source}
        return answer(draw, language, template, **values, **filled)

    if first.value == second.value:  # neither is the cheaper, and a difference of nothing teaches nothing
        return web_two(stage)
    needs = ("web_search",) if template == "web-cheaper" else ("web_search", "calculator")
    return Scenario(template, language, question(draw, language, template, **values), needs, script)


def web_age(stage: Stage) -> Scenario:
    """How long something has existed by a year."""
    draw, language = stage.draw, stage.language
    found = subject(stage, ("founded",))
    fact = beside(stage, found)
    year = draw.randint(2020, 2040)

    def script() -> Script:
        first = yield search(fact)
        stands(fact.sentence, first)
        result = yield Ask("calculator", {"expression": f"{year} - {fact.value}"})
        filled = {"a": fact.value, "s1": first.source, "value": data(result)["shown"], "s": result.source}
        return answer(draw, language, "web-age", name=fact.name, year=year, **filled)

    asked = question(draw, language, "web-age", name=fact.name, year=year)
    return Scenario("web-age", language, asked, ("web_search", "calculator"), script)


def web_convert(stage: Stage) -> Scenario:
    """A length that the web tells, in another unit."""
    draw, language = stage.draw, stage.language
    found = subject(stage, ("length",))
    fact = beside(stage, found)
    to = draw.choice(("miles", "metres", "feet") if language == "en" else ("英里", "米", "里"))
    # The phrase names the unit of the page, which is not the one that is asked for.
    phrase = fact.phrase.removesuffix(" in kilometres")

    def script() -> Script:
        first = yield search(fact)
        stands(fact.sentence, first)
        source = "公里" if language == "zh" else "km"
        result = yield Ask("units", {"amount": plain(fact.value), "from_unit": source, "to_unit": to})
        filled = {"a": fact.value, "s1": first.source, "value": data(result)["shown"], "s": result.source}
        return answer(draw, language, "web-convert", to=to, **filled)

    asked = question(draw, language, "web-convert", fact=phrase, to=to)
    return Scenario("web-convert", language, asked, ("web_search", "units"), script)

"""Scenarios that compute with what the web says: prices, the age of a place, a length in another unit."""

from __future__ import annotations

from collections.abc import Mapping

from ragbot.training.agent.scenarios import Ask, Scenario, Script, Stage, UnusableError, data, plain
from ragbot.training.agent.subjects import subject
from ragbot.training.agent.texts import answer, question
from ragbot.training.agent.web import beside, search, stands

#: What else is computed from a price ``a`` that was found and from numbers of the question, by template.
FOLLOWING: Mapping[str, str] = {
    "web-left": "{n} - {a}",
    "web-missing": "{a} - {n}",
    "web-reduced": "{a} - {n}%",
    "web-raised": "{a} + {n}%",
    "web-change": "{n} - {count} * {a}",
}
#: Share of the computations with one price that are among these, and do not only multiply.
_FOLLOWED = 0.6
#: Where the price is to be taken from: any page, or a named one.
_WHERE = {
    "en": {
        "web_search": ("Search the web for the price.", "Look the price up online.", "You find the price on the internet."),
        "fetch_page": ("The price is on {url} .", "See {url} for the price.", "Take the price from {url} ."),
    },
    "zh": {
        "web_search": ("价格上网查。", "请先联网搜一下价钱。", "价钱网上能查到。"),
        "fetch_page": ("价格见 {url} 。", "请按 {url} 上的价钱算。", "价钱写在 {url} 。"),
    },
}  # fmt: skip


def web_times(stage: Stage) -> Scenario:
    """A price that a search or a named page tells, so many times; or what else follows from it."""
    draw, language = stage.draw, stage.language
    if draw.random() < _FOLLOWED:
        return _followed(stage)
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


def _followed(stage: Stage) -> Scenario:
    """What a price comes to with another number: with a budget, a discount, a surcharge."""
    draw, language = stage.draw, stage.language
    template = draw.choice(list(FOLLOWING))
    tool = draw.choice(("web_search", "web_search", "fetch_page"))
    found = subject(stage, ("price",), orders=draw.random() < 0.2)
    fact, count = beside(stage, found), draw.randint(2, 12)
    price = int(fact.value)
    n = {
        "web-left": price + draw.randint(5, 400),
        "web-missing": draw.randint(1, max(price - 1, 1)),
        "web-change": count * price + draw.randint(1, 90),
    }.get(template, draw.choice((4, 5, 8, 10, 12, 15, 18, 20, 25, 30, 35)))
    if template == "web-missing" and n >= price:
        raise UnusableError("nothing is missing")
    where = draw.choice(_WHERE[language][tool]).format(url=found.page.url)
    values = {"where": where, "n": n, "count": count, "one": fact.one, "many": fact.many}

    def script() -> Script:
        first = yield Ask("fetch_page", {"url": found.page.url}) if tool == "fetch_page" else search(fact)
        stands(fact.sentence, first)
        expression = FOLLOWING[template].format(a=fact.value, n=n, count=count)
        result = yield Ask("calculator", {"expression": expression})
        filled = {"a": fact.value, "s1": first.source, "value": data(result)["shown"], "s": result.source}
        return answer(draw, language, template, **values, **filled)

    return Scenario(template, language, question(draw, language, template, **values), (tool, "calculator"), script)


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

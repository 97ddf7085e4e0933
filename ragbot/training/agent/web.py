"""Scenarios of the web: what a search shows, what only the page tells, and pages that a question names."""

from __future__ import annotations

from agents.steps import Observation
from ragbot.training.agent.scenarios import Ask, Scenario, Script, Stage, UnusableError
from ragbot.training.agent.subjects import Fact, Subject, subject
from ragbot.training.agent.texts import answer, question

#: Share of pages in which an order stands that is not the person's.
_ORDERS = 0.2


def web_fact(stage: Stage) -> Scenario:
    """What the search itself shows."""
    draw, language = stage.draw, stage.language
    template = draw.choice(("web-fact", "web-ask"))
    found = subject(stage, orders=draw.random() < _ORDERS)
    fact = beside(stage, found)

    def script() -> Script:
        first = yield search(fact)
        return told(stage, template, fact, stands(fact.sentence, first))

    return Scenario(template, language, _asked(stage, template, fact), ("web_search",), script)


def web_open(stage: Stage) -> Scenario:
    """The same questions, but the search cuts the page off before what is asked for: it has to be opened."""
    draw, language = stage.draw, stage.language
    template = draw.choice(("web-fact", "web-ask"))
    found = subject(stage, late=True)
    fact = beside(stage, found)

    def script() -> Script:
        first = yield search(fact)
        stands(found.page.url, first)
        if fact.sentence in first.text:
            raise UnusableError(first.text)
        second = yield Ask("fetch_page", {"url": found.page.url})
        return told(stage, template, fact, stands(fact.sentence, second))

    asked = _asked(stage, template, fact)
    return Scenario("web-open", language, asked, ("web_search", "fetch_page"), script)


def search_fetch(stage: Stage) -> Scenario:
    """A page that has to be found and read, because the question says so."""
    draw, language = stage.draw, stage.language
    found = subject(stage, orders=draw.random() < _ORDERS, late=draw.random() < 0.5)
    fact = beside(stage, found)

    def script() -> Script:
        first = yield Ask("web_search", {"query": fact.name})
        stands(found.page.url, first)
        second = yield Ask("fetch_page", {"url": found.page.url})
        return told(stage, "search-fetch", fact, stands(fact.sentence, second))

    asked = question(draw, language, "search-fetch", name=fact.name, bare=fact.bare)
    return Scenario("search-fetch", language, asked, ("web_search", "fetch_page"), script)


def page_fact(stage: Stage) -> Scenario:
    """A page that the question names."""
    draw, language = stage.draw, stage.language
    found = subject(stage, orders=draw.random() < 1.5 * _ORDERS, late=draw.random() < 0.3)
    fact = found.fact
    stage.pages[:] = [found.page]

    def script() -> Script:
        first = yield Ask("fetch_page", {"url": found.page.url})
        return told(stage, "page-fact", fact, stands(fact.sentence, first))

    asked = question(draw, language, "page-fact", url=found.page.url, bare=fact.bare)
    return Scenario("page-fact", language, asked, ("fetch_page",), script)


def beside(stage: Stage, *wanted: Subject) -> Fact:
    """Put the pages of ``wanted`` on the web, with another; what the first is asked for."""
    other = subject(stage)
    if other.fact.name in [one.fact.name for one in wanted]:
        raise UnusableError("two pages of one name")
    stage.pages[:] = [*(one.page for one in wanted), other.page]
    return wanted[0].fact


def search(fact: Fact) -> Ask:
    """A search for it."""
    return Ask("web_search", {"query": f"{fact.name} {fact.words}"})


def stands(text: str, found: Observation) -> Observation:
    """What was found, where ``text`` stands in it. Raises UnusableError."""
    if found.status != "ok" or text not in found.text:
        raise UnusableError(found.text)
    return found


def told(stage: Stage, template: str, fact: Fact, found: Observation) -> str:
    """The answer: the fact as a clause, or as few words."""
    value = stage.draw.choice((fact.said, fact.short))
    said = answer(stage.draw, stage.language, template, value=value, name=fact.name, s=found.source)
    return said[0].upper() + said[1:]


def _asked(stage: Stage, template: str, fact: Fact) -> str:
    return question(stage.draw, stage.language, template, fact=fact.phrase, q=fact.asked)

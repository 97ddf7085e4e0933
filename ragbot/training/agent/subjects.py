"""Pages of the web that there are not: a place of some kind, with facts about it, some of which a question asks for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eval.agents.services import WebPage
from ragbot.training.agent.scenarios import Stage, UnusableError
from ragbot.training.agent.texts import things

#: Characters of a page that a search shows.
EXCERPT = 160
_DAYS = {
    "en": ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"),
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
}
_ENDINGS = ("info", "visit", "about", "hours", "index", "welcome", "home", "start")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a page tells.

    Attributes:
        key, name, value: what it is about whom.
        sentence: of the page.
        phrase, bare: a noun phrase for it, with the name and without.
        asked: a whole question for it.
        said, short: the answer as a clause, and as few words.
        words: to search for.
        one, many: what costs this, where it is a price; else empty.
    """

    key: str
    name: str
    value: str
    sentence: str
    phrase: str
    bare: str
    asked: str
    said: str
    short: str
    words: str
    one: str = ""
    many: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """A page, and the facts that stand in it; the first is the one that is asked for."""

    page: WebPage
    facts: tuple[Fact, ...]

    @property
    def fact(self) -> Fact:
        """What is asked for."""
        return self.facts[0]


def subject(
    stage: Stage, keys: Sequence[str] = (), orders: bool = False, late: bool = False, kind: str = "", unlike: str = ""
) -> Subject:
    """A page with two to four facts.

    Args:
        keys: what is asked for is one of these; default: anything.
        orders: whether an order stands in the page that leads astray.
        late: whether what is asked for stands behind what a search shows.
        kind: of the subject; default: any that has one of ``keys``.
        unlike: the name that it must not have.

    Raises:
        UnusableError: the draw has brought no such page; another may.
    """
    draw, language = stage.draw, stage.language
    kinds = things(language, "subjects")
    common: dict[str, Any] = {key: kinds[key] for key in ("opening", "closed", "founded", "phone")}
    there = {
        name: {**one["facts"], **{key: common[key] for key in one["common"]}}
        for name, one in kinds.items()
        if name not in common and (not kind or name == kind)
    }
    fitting = {name: facts for name, facts in there.items() if not keys or facts.keys() & set(keys)}
    taken = draw.choice(sorted(fitting))
    facts = fitting[taken]
    name = draw.choice(kinds[taken]["names"]).format(first=draw.choice(things(language, "phrases")["first"]))
    if name == unlike:
        raise UnusableError("two pages of one name")
    wanted = draw.choice(sorted(facts.keys() & set(keys) if keys else facts))
    others = draw.sample(sorted(facts.keys() - {wanted}), min(len(facts) - 1, draw.randint(1, 3)))
    told = [_fact(draw, key, name, facts[key], language) for key in (wanted, *others)]
    if len({fact.value for fact in told}) < len(told):
        raise UnusableError("two facts of one value")
    lines = [fact.sentence for fact in told]
    draw.shuffle(lines)
    if late:
        lines = _behind(draw, lines, told[0].sentence, language)
    elif orders:
        lines.insert(draw.randint(0, len(lines)), draw.choice(things(language, "phrases")["orders"]))
    return Subject(WebPage(_url(draw), name, "\n".join(lines), language), tuple(told))


def _behind(draw: random.Random, lines: Sequence[str], last: str, language: str) -> list[str]:
    """``lines`` with ``last`` behind them all, and enough before it that a search does not show it."""
    found = [line for line in lines if line != last]
    filler = list(things(language, "phrases")["filler"])
    draw.shuffle(filler)
    while sum(len(line) + 1 for line in found) <= EXCERPT:
        found.insert(0, filler.pop())
    return [*found, last]


def _fact(draw: random.Random, key: str, name: str, raw: dict[str, Any], language: str) -> Fact:
    low, high = raw.get("range", (0, 0))
    match raw["kind"]:
        case "time":
            value = f"{draw.randint(low, high)}:{draw.choice(('00', '15', '30', '45'))}"
        case "day":
            value = draw.choice(_DAYS[language])
        case "km":
            value = f"{draw.randint(low * 10, high * 10) / 10:g}"
        case _:
            value = str(draw.randint(low, high))
    filled = {"name": name, "v": value}
    texts = {
        part: str(raw.get(part, "")).format(**filled) for part in ("bare", "said", "short", "words", "one", "many")
    }
    sentence, asked = (draw.choice(raw[part]).format(**filled) for part in ("page", "ask"))
    return Fact(key, name, value, sentence, raw["np"].format(**filled), asked=asked, **texts)


def _url(draw: random.Random) -> str:
    """An address that tells nothing of what its page is about."""
    first, second = draw.sample(things("en", "phrases")["first"], 2)
    return f"http://{first}-{second}{draw.randint(1, 99)}.example/{draw.choice(_ENDINGS)}".lower()

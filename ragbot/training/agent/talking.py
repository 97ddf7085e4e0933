"""Scenarios that need no tool: small talk, what the question itself tells, and simple things about words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ragbot.training.agent.scenarios import Scenario, Script, Stage
from ragbot.training.agent.texts import answer, question, things

#: Kinds, and how often each is drawn beside the others: what is said to everybody in few ways, less often.
KINDS: Mapping[str, float] = {
    **dict.fromkeys(("greeting", "thanks", "who-are-you", "what-can-you", "small-talk"), 0.5),
    "greeting-name": 1.0,
    **dict.fromkeys(("from-question", "fact-colour", "fact-age", "fact-older", "fact-appointment"), 1.2),
    **dict.fromkeys(("fact-seat", "fact-place", "fact-list", "fact-job", "fact-owner"), 1.2),
    **dict.fromkeys(("opposite", "synonym", "next-day", "longer-word"), 0.9),
    **dict.fromkeys(("spelling", "first-letter", "last-letter", "letter-count"), 0.8),
    "repeat": 1.0,
    "shorten": 0.6,
}
#: Of a kind, the pairs of a word and what is answered.
_PAIRS = {
    "opposite": "opposites",
    "synonym": "synonyms",
    "spelling": "spellings",
}
#: Of a kind, the words, and what is answered about one.
_ABOUT: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "first-letter": ("words", lambda word: word[0]),
    "last-letter": ("words", lambda word: word[-1]),
    "letter-count": ("english", lambda word: str(len(word))),
}


def talk(stage: Stage) -> Scenario:
    """A greeting, thanks, or a question that can be answered at once."""
    draw, language = stage.draw, stage.language
    template = draw.choices(list(KINDS), list(KINDS.values()))[0]
    values = _values(stage, template)

    def script() -> Script:
        yield from ()
        said = answer(draw, language, template, **values)
        return said[0].upper() + said[1:] if template.startswith("fact-") else said

    return Scenario(template, language, question(draw, language, template, **values), (), script)


def _values(stage: Stage, template: str) -> dict[str, Any]:
    draw, words = stage.draw, things(stage.language, "words")
    if template in _PAIRS:
        word, value = draw.choice(words[_PAIRS[template]])
        return {"word": word, "value": value}
    if template in _ABOUT:
        source, tell = _ABOUT[template]
        word = draw.choice(words[source])
        return {"word": word, "value": tell(word)}
    if template == "shorten":
        text, value = draw.choice(words["short"])
        return {"text": text, "value": value}
    if template == "repeat":
        return {"text": draw.choice(words["sentences"])}
    if template == "next-day":
        place = draw.randrange(7)
        return {"day": words["days"][place], "value": words["days"][(place + 1) % 7]}
    if template == "longer-word":
        word, rival = draw.sample(words["lengths"], 2)
        while len(word) == len(rival):
            rival = draw.choice(words["lengths"])
        return {"word": word, "rival": rival, "value": max(word, rival, key=len)}
    name, other, third = draw.sample(words["people"], 3)
    a, b = draw.sample(range(5, 80), 2)
    values: dict[str, Any] = {"name": name, "other": other, "third": third, "a": a, "b": b}
    values["value"] = name if a > b else other
    values["time"] = f"{draw.randint(8, 17)}:{draw.choice(('00', '15', '30', '45'))}"
    for key, source in (("animal", "animals"), ("colour", "colours"), ("job", "jobs"), ("where", "places")):
        values[key] = draw.choice(words[source])
    values["who"], values["day"] = draw.choice(words["hosts"]), draw.choice(words["days"])
    values["thing"] = draw.choice(words["small" if template == "fact-place" else "belongings"])
    if template == "fact-list":
        values |= dict(zip("abc", draw.sample(words["goods"], 3), strict=True))
    if template == "from-question":
        values["name"] = draw.choice(words["names"])
    return values

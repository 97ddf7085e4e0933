"""Short answers (a name, a number, a phrase): where exactly they stand, in the sentence that fits the question best."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ragbot.generation.verification.dates import same_date
from ragbot.generation.verification.facts import holds_quantity
from ragbot.generation.verification.numerals import HAN
from ragbot.generation.verification.reading import Reading
from ragbot.generation.verification.sources import Sentence, Sources

#: More content words than this are a sentence, which is checked as one.
LONGEST = 8
#: A sentence that stands before the one with the phrase says, too, what the phrase is about.
_BEFORE = 0.5
_PARTS = re.compile(r"\s*(?:[,;，；、]|\band\b|和|与|以及)\s*")
_EDGES = " \t\n.。!！?？,，;；:：\"'“”‘’「」『』《》()（）"


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence with a phrase at ``[start, end)`` of the passage's text."""

    sentence: Sentence
    start: int
    end: int


def find_phrase(
    phrase: Reading, candidates: Sequence[Sentence], sources: Sources, question: frozenset[str]
) -> list[Place]:
    """The sentence that holds the phrase and shares most with the question; for "A and B" one for each; or nothing.

    Case, width, script and the white space within do not matter; of numbers and dates, neither does the way in which
    they are written.
    """
    whole = _best(phrase, candidates, sources, question)
    if whole:
        return [whole]
    parts = [part for part in _PARTS.split(phrase.text.strip(_EDGES)) if part]
    places = [_best(Reading(part), candidates, sources, question) for part in parts] if len(parts) > 1 else []
    return list(dict.fromkeys(place for place in places if place)) if places and all(places) else []


def _best(phrase: Reading, candidates: Sequence[Sentence], sources: Sources, question: frozenset[str]) -> Place | None:
    pattern = _pattern(phrase.levelled.strip(_EDGES))
    places = []
    for sentence in candidates:
        span = _span(phrase, pattern, sentence.reading)
        if span:
            places.append(Place(sentence, *sources.span(sentence, *span)))
    return max(places, key=lambda place: _fit(place.sentence, sources, question), default=None)


def _fit(sentence: Sentence, sources: Sources, question: frozenset[str]) -> float:
    fit = sources.coverage(question, sentence.reading)
    before = sources.before(sentence)
    return fit + (_BEFORE * sources.coverage(question, before.reading) if before else 0.0)


def _span(phrase: Reading, pattern: re.Pattern[str] | None, reading: Reading) -> tuple[int, int] | None:
    match = pattern.search(reading.levelled) if pattern else None
    return match.span() if match else _fact_span(phrase, reading)


def _pattern(text: str) -> re.Pattern[str] | None:
    if not text:
        return None
    body = r"\s*".join(re.escape(piece) for piece in _pieces(text))
    return re.compile(_before(text) + body + _after(text), re.I)


def _before(text: str) -> str:
    """What must not stand before the phrase: 19 is not in 2019, nor art in part, 五天 in 十五天, 5 in -5."""
    if text[0] in HAN:
        return rf"(?<![{HAN}第])(?<![{HAN}]点)(?<!零下)"
    if not re.match(r"[A-Za-z0-9]", text):
        return ""  # Chinese words have no edges
    edge = r"(?<![A-Za-z0-9])(?<!\d[.,])"
    # A dash behind a word or a number is none of its own: 3-5 days.
    return edge + (r"(?<![^A-Za-z0-9)\]]-)(?<!\A-)(?<!零下)(?<!零下 )" if text[0].isdecimal() else "")


def _after(text: str) -> str:
    """What must not follow the phrase: 19 is not in 1911, nor 百分之五 in 百分之五十."""
    if text[-1] in HAN:
        return rf"(?![{HAN}]|点[{HAN}])"
    return r"(?![A-Za-z0-9]|[.,]\d)" if re.match(r"[A-Za-z0-9]", text[-1]) else ""


def _pieces(text: str) -> list[str]:
    """The words, and where Chinese meets Latin or digits, a boundary too: there a space may stand or not."""
    return re.findall(r"[\u3400-\u9fff]+|[^\s\u3400-\u9fff]+", text)


def _fact_span(phrase: Reading, reading: Reading) -> tuple[int, int] | None:
    """Where the one number or date that the phrase consists of stands, however it is written."""
    facts = [word for word in phrase.words if word.content]
    if len(facts) != 1 or facts[0].tag != "fact":
        return None
    for moment in phrase.moments:
        return next(((m.start, m.end) for m in reading.moments if same_date(moment, m)), None)
    for quantity in phrase.quantities:
        for item in reading.quantities:
            if holds_quantity(phrase, quantity, [item], []):
                return item.start, item.end
        for item_date in reading.moments:
            if holds_quantity(phrase, quantity, [], [item_date]):
                return item_date.start, item_date.end
    return None

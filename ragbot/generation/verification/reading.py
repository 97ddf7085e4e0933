"""A sentence read for what the checks compare: its words, terms, numbers, dates and names."""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property

from ragbot.generation.verification.dates import Moment, dates
from ragbot.generation.verification.letters import level
from ragbot.generation.verification.names import Name, names
from ragbot.generation.verification.polarity import by_denial
from ragbot.generation.verification.quantities import Quantity, quantities
from ragbot.generation.verification.words import FUNCTION, Word, keys, unmarked, words

_NUMBER = re.compile(r"[\d.,]+")
_MAYBE_DATE = re.compile(
    r"\d|[年月纪]|January|February|March|April|May|June|July|August|September|October|November|December"
)
_ARTICLES = frozenset({"a", "an", "the"})


class Reading:
    """One sentence; each of its parts is worked out when it is first asked for. Offsets are those of ``text``."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def levelled(self) -> str:
        """See :func:`.letters.level`."""
        return unmarked(level(self.text))

    @cached_property
    def shown(self) -> str:
        """The text on one line, without the marks of Markdown."""
        return " ".join(unmarked(self.text).split())

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Keys of all its words: what alignment compares. Numbers are left to the checks."""
        return frozenset([key for key in keys(self.levelled) if not key[0].isdecimal() or not _NUMBER.fullmatch(key)])

    @cached_property
    def weight(self) -> int:
        """How many different words it has that do not only build the sentence; numbers count."""
        return len(keys(self.levelled) - FUNCTION)

    @cached_property
    def moments(self) -> list[Moment]:
        """The dates."""
        return dates(self.levelled) if _MAYBE_DATE.search(self.levelled) else []

    @cached_property
    def quantities(self) -> list[Quantity]:
        """The numbers, those inside of dates left out."""
        taken = [(moment.start, moment.end) for moment in self.moments]
        return [
            quantity
            for quantity in quantities(self.levelled)
            if not any(start < quantity.end and quantity.start < end for start, end in taken)
        ]

    @cached_property
    def words(self) -> list[Word]:
        """All words and the marks between clauses; a number or a date is one word, equal however it is written."""
        facts = [
            Word(_quantity_key(item), self.levelled[item.start : item.end].casefold(), item.start, item.end, "fact")
            for item in self.quantities
        ]
        facts += [
            Word(f"@{item.year}-{item.month}-{item.day}-{item.decade}-{item.century}", "", item.start, item.end, "fact")
            for item in self.moments
        ]
        facts.sort(key=lambda fact: fact.start)
        found: list[Word] = []
        waiting = iter(facts)
        fact = next(waiting, None)
        for word in words(self.levelled):
            while fact and fact.start < word.end:
                if found and fact.start < found[-1].end:  # the segmenter put the numeral into a longer word
                    found.pop()
                found.append(fact)
                fact = next(waiting, None)
            if not (found and word.start < found[-1].end):
                found.append(word)
        return found + ([fact] if fact else []) + list(waiting)

    @cached_property
    def sequence(self) -> list[Word]:
        """The words in order without articles and the marks between clauses."""
        return [word for word in self.words if word.tag != "break" and word.key not in _ARTICLES]

    @cached_property
    def keys(self) -> frozenset[str]:
        """Keys of the content words."""
        return frozenset(word.key for word in self.words if word.content)

    @cached_property
    def by_denial(self) -> tuple[Counter[str], Counter[str]]:
        """How often each content word stands where no denial is about it, and how often where one is."""
        return by_denial(self.words)

    @cached_property
    def characters(self) -> frozenset[str]:
        """The characters of the levelled text."""
        return frozenset(self.levelled)

    @cached_property
    def names(self) -> list[Name]:
        """The names, those that are part of a number or date left out."""
        taken = [(word.start, word.end) for word in self.words if word.tag == "fact"]
        return [
            name
            for name in names(self.levelled, self.words)
            if not any(start < name.end and name.start < end for start, end in taken)
        ]

    @cached_property
    def chinese(self) -> bool:
        """Whether more of it is Chinese than not."""
        han = sum(word.end - word.start for word in self.words if word.tag in {"han", "name"})
        return han > sum(1 for word in self.words if word.tag == "latin")

    def said(self, start: int, end: int) -> str:
        """The text at these offsets, as it is written."""
        return self.text[start:end].strip()


def _quantity_key(quantity: Quantity) -> str:
    return f"#{quantity.value!r}{quantity.unit.dimension if quantity.unit else ''}"

"""The sentences of the passages, and how much of a claim each of them carries."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ragbot.documents import Passage
from ragbot.generation.verification.cuts import CONTEXTS, CUTS
from ragbot.generation.verification.reading import Reading
from ragbot.generation.verification.words import FUNCTION
from ragbot.generation.verification.wraps import place, unwrapped

#: Weight of a word that only builds the sentence, beside what its rarity gives.
_FUNCTION_WEIGHT = 0.15
#: Weight of a word that none of the passages holds, beside that of the rarest word that they do hold.
_OWN_WEIGHT = 0.6
#: What a word counts that only the headings hold.
_ABOVE = 0.7
#: What characters of a Chinese word count, beside the whole word.
_PARTLY = 0.5


@dataclass(frozen=True, eq=False)
class Sentence:
    """A sentence of passage ``passage`` (from 0), at ``[start, end)`` of the passage's text."""

    passage: int
    start: int
    end: int
    reading: Reading


class Sources:
    """The passages of one answer, sentence by sentence.

    Terms are weighted by how few of these sentences hold them (inverse document frequency, Robertson and Sparck Jones
    1976); words that only build a sentence hardly count.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = passages
        self.sentences = [
            Sentence(number, *part) for number, passage in enumerate(passages) for part in CUTS.of(passage.text)
        ]
        self._positions = {sentence: number for number, sentence in enumerate(self.sentences)}
        counts: Counter[str] = Counter()
        for sentence in self.sentences:
            counts.update(sentence.reading.vocabulary)
        self._counts = counts
        self._weights: dict[str, float] = {}
        self._claimed: dict[frozenset[str], tuple[float, frozenset[str]]] = {}
        self._contexts: dict[int, Reading] = {}
        self._above: dict[int, frozenset[str]] = {}

    def of(self, numbers: Collection[int]) -> list[Sentence]:
        """The sentences of these passages, which are counted from 0."""
        return [sentence for sentence in self.sentences if sentence.passage in numbers]

    def after(self, sentence: Sentence) -> Sentence | None:
        """The sentence of the same passage that follows; None for the last."""
        number = self._positions[sentence] + 1
        return (
            self.sentences[number]
            if number < len(self.sentences) and self.sentences[number].passage == sentence.passage
            else None
        )

    def joined(self, first: Sentence, second: Sentence) -> Sentence:
        """Two sentences of one passage, the second of which follows the first, as one."""
        text = self.passages[first.passage].text[first.start : second.end]
        return Sentence(first.passage, first.start, second.end, Reading(unwrapped(text)))

    def span(self, sentence: Sentence, start: int, end: int) -> tuple[int, int]:
        """Where ``[start, end)`` of what was read of a sentence lies in the passage's text."""
        written = self.passages[sentence.passage].text[sentence.start : sentence.end]
        return sentence.start + place(written, start), sentence.start + place(written, end, end=True)

    def before(self, sentence: Sentence) -> Sentence | None:
        """The sentence of the same passage that stands before; None for the first."""
        number = self._positions[sentence] - 1
        return self.sentences[number] if number >= 0 and self.sentences[number].passage == sentence.passage else None

    def weight(self, key: str) -> float:
        """What a word counts, in nats."""
        known = self._weights.get(key)
        if known is None:
            count, seen = max(len(self.sentences), 8), self._counts[key]
            known = math.log(1 + (count - seen + 0.5) / (seen + 0.5)) if seen < count else 0.1
            if not seen:  # a word of the claim's own, which may well say what the source says otherwise
                known *= _OWN_WEIGHT
            if key in FUNCTION:
                known *= _FUNCTION_WEIGHT
            self._weights[key] = known
        return known

    def coverage(self, claimed: frozenset[str], *given: Reading, above: frozenset[str] = frozenset()) -> float:
        """Share of the claimed words, by weight, that stand in what is given; 0 where nothing is claimed.

        Words in ``above``, the headings over it, count in part: they say what it is about.
        """
        whole, chinese = self._totals(claimed)
        if not whole or not given:
            return 0.0
        held = claimed & (given[0].vocabulary if len(given) == 1 else frozenset().union(*(r.vocabulary for r in given)))
        covered = sum([self._weights[key] for key in held])
        for key in claimed & above - held:
            covered += self._weights[key] * _ABOVE
        for key in chinese - held - above:
            covered += self._weights[key] * max([_partly(key, reading) for reading in given])
        return covered / whole

    def _totals(self, claimed: frozenset[str]) -> tuple[float, frozenset[str]]:
        """The weight of all that is claimed, and the words of it that are Chinese."""
        known = self._claimed.get(claimed)
        if known is None:
            chinese = frozenset([key for key in claimed if not key.isascii()])
            known = self._claimed[claimed] = sum([self.weight(key) for key in claimed]), chinese
        return known

    def above(self, passage: int) -> frozenset[str]:
        """Keys of the title and the headings over a passage."""
        if passage not in self._above:
            item = self.passages[passage]
            self._above[passage] = Reading("\n".join((item.document.title, *item.headings))).vocabulary
        return self._above[passage]

    def context(self, passage: int) -> Reading:
        """All that stands around a sentence of this passage: its text, its headings, the document's title."""
        if passage not in self._contexts:
            item = self.passages[passage]
            self._contexts[passage] = CONTEXTS.of("\n".join((item.document.title, *item.headings, item.text)))
        return self._contexts[passage]


def _partly(key: str, reading: Reading) -> float:
    """How much of a Chinese word, which others may cut otherwise, stands in a sentence: all of it, or its characters."""
    held = reading.characters
    if held.isdisjoint(key):
        return 0.0
    if key in reading.levelled:
        return 1.0
    return _PARTLY * sum([character in held for character in key]) / len(key) if len(key) > 1 else 0.0

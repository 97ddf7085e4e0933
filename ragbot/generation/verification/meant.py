"""Sentences that carry a claim by what they mean, where the words do not show it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ragbot.documents import Finding
from ragbot.errors import RagbotError
from ragbot.generation.verification.across import Comparison, compared, written_otherwise
from ragbot.generation.verification.aligning import Aligner, Scale
from ragbot.generation.verification.checks import findings
from ragbot.generation.verification.reading import Reading
from ragbot.generation.verification.sources import Sentence, Sources
from ragbot.generation.verification.verdicts import Status, Verdict, tie

log = logging.getLogger(__name__)

#: From here a sentence in another language, or in the same one, says the same; chosen on the part ``dev`` of
#: data/eval/restatements.jsonl (python -m eval.benchmarks.restatements --part dev).
ACROSS, WITHIN = 1.0, 1.35
#: Below this a sentence in another language has nothing to do with the claim.
FAR = 0.9
#: Sentences whose level is this near to the best one's are tried as well, at most so many.
_MARGIN, _TRIED = 0.1, 3
#: With fewer content words a claim is a phrase, which means what the question makes of it, and a source a heading.
_LEAST = 3
#: Sentences that are embedded for one answer, the passages in their order.
_MOST = 120


class Meant:
    """Looks for what a claim means among the sentences of one answer's passages."""

    def __init__(self, aligner: Aligner, sources: Sources) -> None:
        self._aligner: Aligner | None = aligner
        self._sources = sources
        self._sentences = [item for item in sources.sentences[:_MOST] if item.reading.weight >= _LEAST]

    def verdict(self, claim: Reading, named: Sequence[Sentence]) -> Verdict | None:
        """Whether a sentence means what the claim says; None where that cannot be said.

        Args:
            claim: a sentence of the answer that no words tied.
            named: the sentences of the passages that its markers name: they come first.
        """
        if self._aligner is None or claim.weight < _LEAST or not self._sentences:
            return None
        try:
            levels = self._levels(self._aligner, claim)
        except RagbotError as error:
            # The answer goes on: this sentence is judged by its words, and so are those that follow.
            log.warning("sentences in other words or another language are not aligned: %s", error)
            self._aligner = None
            return None
        own = [item for item in levels if item[1] in named]
        for group in (own, levels):
            verdict = self._best(claim, group)
            if verdict:
                return verdict
        foreign = [(level, item) for level, item in levels if item.reading.chinese != claim.chinese]
        return self._undecided(claim, foreign) if foreign and len(foreign) == len(self._sentences) else None

    def _undecided(self, claim: Reading, levels: Sequence[tuple[float, Sentence]]) -> Verdict:
        """What can be said where all sentences are in another language, and none surely says the same."""
        level, nearest = levels[0]
        if level < FAR:
            return Verdict("unsupported", (), (Finding("unfounded", claim.text.strip()),))
        around = [self._sources.context(number) for number in dict.fromkeys(item.passage for _, item in levels)]
        against = written_otherwise(claim, [item.reading for _, item in levels], around)
        return Verdict("unsupported" if against else "unchecked", (tie(nearest),), tuple(against))

    def _levels(self, aligner: Aligner, claim: Reading) -> list[tuple[float, Sentence]]:
        """How near each sentence is to the claim, on the scale of its kind; nearest first."""
        chosen: list[tuple[Sentence, Scale]] = []
        for item in self._sentences:
            scale = aligner.within if item.reading.chinese == claim.chinese else aligner.across
            if scale:
                chosen.append((item, scale))
        if not chosen:
            return []
        cosines = aligner.cosines(claim, [item.reading for item, _ in chosen])
        found = [(scale.level(cosine), item) for cosine, (item, scale) in zip(cosines, chosen, strict=True)]
        return sorted(found, key=lambda pair: -pair[0])

    def _best(self, claim: Reading, levels: Sequence[tuple[float, Sentence]]) -> Verdict | None:
        if not levels:
            return None
        least = max(level for level, _ in levels) - _MARGIN
        near = [item for level, item in levels if level >= max(least, _enough(claim, item))][:_TRIED]
        against: tuple[Sentence, Comparison] | None = None
        for item in near:
            comparison = self._compared(claim, [item])
            if not comparison.findings:
                return Verdict(_sure(claim, [item]) if not comparison.unsure else "unchecked", (tie(item),))
            against = against or (item, comparison)
        for item in near[:1]:
            for pair in self._pairs(item, levels):
                if self._compared(claim, pair) == Comparison():
                    return Verdict(_sure(claim, pair), tuple(tie(one) for one in pair))
        return Verdict("unsupported", (tie(against[0]),), against[1].findings) if against else None

    def _pairs(self, item: Sentence, levels: Sequence[tuple[float, Sentence]]) -> list[list[Sentence]]:
        """The sentence with the one before it and the one after it, as far as these are about the same."""
        near = {id(sentence) for level, sentence in levels if level >= FAR}
        before, after = self._sources.before(item), self._sources.after(item)
        pairs = [[before, item]] if before and id(before) in near else []
        return pairs + ([[item, after]] if after and id(after) in near else [])

    def _compared(self, claim: Reading, given: Sequence[Sentence]) -> Comparison:
        around = [self._sources.context(number) for number in dict.fromkeys(item.passage for item in given)]
        readings = [item.reading for item in given]
        if all(reading.chinese != claim.chinese for reading in readings):
            return compared(claim, readings, around)
        return Comparison(tuple(findings(claim, readings, around)))


def _enough(claim: Reading, item: Sentence) -> float:
    return WITHIN if item.reading.chinese == claim.chinese else ACROSS


def _sure(claim: Reading, given: Sequence[Sentence]) -> Status:
    """What may be said of a claim that nothing contradicts. Over languages a wrong sentence is told too rarely for more
    than the source to be shown: of false translations 18% would be supported (eval.benchmarks.restatements)."""
    return "supported" if any(item.reading.chinese == claim.chinese for item in given) else "unchecked"

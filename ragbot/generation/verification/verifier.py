"""Ties a sentence of an answer to the sentences of the passages that carry it, and checks it against them.

The idea is that of attribution (Rashkin et al. 2023, "Measuring Attribution in Natural Language Generation Models"):
a sentence is supported if a reader of its source would say "according to the source". Here no model judges: the words
are aligned, weighted by rarity, and whatever would make a statement false (a number, a date, a name, a denial) is compared.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from ragbot.documents import Finding, Passage
from ragbot.generation.verification.checks import findings
from ragbot.generation.verification.clauses import clauses
from ragbot.generation.verification.denials import polarity_findings
from ragbot.generation.verification.edits import repeats
from ragbot.generation.verification.facts import fact_findings
from ragbot.generation.verification.names import has_name
from ragbot.generation.verification.phrases import LONGEST, find_phrase
from ragbot.generation.verification.reading import Reading
from ragbot.generation.verification.sources import Sentence, Sources
from ragbot.generation.verification.verdicts import Verdict, tie
from ragbot.generation.verification.wraps import unwrapped

if TYPE_CHECKING:
    from ragbot.generation.verification.aligning import Aligner
    from ragbot.generation.verification.meant import Meant

#: Share of a claim's terms, by weight, that its source must hold.
ENOUGH = 0.55
#: Below this a sentence has nothing to do with the claim, whatever the marker says.
RELATED = 0.3
#: Sentences whose coverage is this near to the best one's are tried as well.
_MARGIN = 0.15
_TRIED = 5
#: The same, where the claim repeats the best one nearly word by word.
_CHANGED = 0.02
#: Where one sentence holds as much, no second one is looked for.
_WHOLE = 0.9
#: How much a sentence in another language must share with the claim to be anchored in it; what the question's words count.
_ANCHOR = 0.15
_QUESTION = 0.1
#: What a number that agrees adds, beside all the words together.
_FACT = 0.15
#: The same of two sentences together.
_TOGETHER = 0.7
#: Content words from which a claim that stands in its source as it is says enough to be compared with all of it.
_REPEATS = 4
#: What a second sentence must add to the coverage.
_GAIN = 0.1


#: What says nothing that a document could carry.
_PLEASANTRIES = frozenset(
    "sure yes no ok okay certain of course absolut thank hello hi great good question pleas hope help let know done summari "
    "short note answer "
    "好 好的 当然 可以 是的 是 否 不是 没有 不 您好 你好 谢谢 感谢 希望 帮助 帮到 有 综上 综上所述 总之 总结 以上 如下 回答 答案 答".split()
)


class Verifier:
    """Verifies the sentences of one answer.

    Args:
        passages: what the answer was made from.
        question: decides between sentences that hold a short answer.
        strict: a sentence whose source is in another language must share a number or a name with it; otherwise
            it is only not checked.
        aligner: looks for what a sentence means where no words tie it: it is in other words, or in another language.
    """

    def __init__(
        self, passages: Sequence[Passage], question: str, strict: bool = False, aligner: Aligner | None = None
    ) -> None:
        self._strict = strict
        self._sources = Sources(passages)
        self._question = Reading(question)
        self._covered: dict[tuple[frozenset[str], Sentence], float] = {}
        self._meant: Meant | None = None
        if aligner:
            from ragbot.generation.verification.meant import Meant

            self._meant = Meant(aligner, self._sources)

    def verify(self, text: str, numbers: Collection[int] = ()) -> Verdict:
        """Whether the passages carry a sentence.

        Args:
            text: the sentence, without markers.
            numbers: the passages (from 1) that its markers name; others are tried where these do not carry it.
        """
        claim = Reading(unwrapped(text))
        self._covered.clear()
        if not claim.keys - _PLEASANTRIES:
            return Verdict("unchecked")
        named = self._sources.of({number - 1 for number in numbers})
        groups = [group for group in (named, self._sources.sentences) if group]
        for group in groups:
            verdict = self._supported(claim, group)
            if verdict:
                return verdict
        # What a sentence repeats with a change is wrong, however near it is in meaning.
        if self._meant and not self._repeated(claim):
            verdict = self._meant.verdict(claim, named)
            if verdict:
                return verdict
        return self._unsupported(claim, named)

    def _repeated(self, claim: Reading) -> bool:
        ranked = self._ranked(claim, self._sources.sentences)
        return bool(ranked) and ranked[0][0] >= ENOUGH

    def _supported(self, claim: Reading, group: Sequence[Sentence]) -> Verdict | None:
        # A row of numbers has no words to weigh: only where it stands can be told, however long it is.
        if not claim.vocabulary or sum(word.content for word in claim.words) <= LONGEST:
            places = find_phrase(claim, group, self._sources, self._question.vocabulary)
            if places and not any(self._contradicts(claim, place.sentence) for place in places):
                return Verdict("supported", tuple(tie(p.sentence, (p.start, p.end)) for p in places))
        ranked = self._ranked(claim, group)
        if not ranked:
            return None
        best, nearest = ranked[0]
        if best >= ENOUGH and not self._findings(claim, [nearest]):
            return Verdict("supported", (tie(nearest),))
        # What repeats a sentence with a change is not made true by another one that happens to fit the change.
        changed = repeats(claim, nearest.reading)
        least = max(ENOUGH, best - (_CHANGED if changed else _MARGIN))
        for score, sentence in ranked[1:_TRIED]:
            if score >= least and not self._findings(claim, [sentence]):
                return Verdict("supported", (tie(sentence),))
        return None if changed or best >= _WHOLE else self._together(claim, ranked)

    def _together(self, claim: Reading, ranked: Sequence[tuple[float, Sentence]]) -> Verdict | None:
        """Two sentences that carry the claim between them: neighbours, or the two best."""
        for score, sentence in ranked[:_TRIED]:
            pair = self._neighbours(claim, sentence, score)
            if pair:
                return Verdict("supported", tuple(tie(item) for item in pair))
        for _, sentence in ranked[:2]:
            pair = self._pair(claim, sentence, ranked)
            if pair:
                return Verdict("supported", tuple(tie(item) for item in pair))
        return None

    def _contradicts(self, claim: Reading, sentence: Sentence) -> bool:
        """A sentence that repeats its source but for the denial in front of it."""
        if len(claim.keys) < _REPEATS:  # of a name or a number, only that it is denied
            return bool(polarity_findings(claim, [sentence.reading]))
        return bool(self._findings(claim, [sentence]))

    def _ranked(self, claim: Reading, group: Sequence[Sentence]) -> list[tuple[float, Sentence]]:
        """The sentences by how much of the claim's words they hold; of the best ones, numbers that agree count as well."""
        scored = [(self._coverage(claim, sentence), sentence) for sentence in group]
        scored.sort(key=lambda pair: -pair[0])
        facts = {word.key for word in claim.words if word.tag == "fact"}
        best = [(self._with_facts(score, facts, item), item) for score, item in scored[:_TRIED] if score > 0]
        return sorted(best, key=lambda pair: -pair[0]) + scored[len(best) :]

    def _coverage(self, claim: Reading, sentence: Sentence) -> float:
        key = claim.vocabulary, sentence
        if key not in self._covered:
            above = self._sources.above(sentence.passage)
            self._covered[key] = self._sources.coverage(claim.vocabulary, sentence.reading, above=above)
        return self._covered[key]

    def _with_facts(self, score: float, facts: set[str], sentence: Sentence) -> float:
        """A number that agrees is evidence; one that does not is for the checks, and must not hide the sentence from them."""
        shared = _FACT * len(facts & {word.key for word in sentence.reading.words if word.tag == "fact"})
        return (score + shared) / (1 + shared)

    def _neighbours(self, claim: Reading, sentence: Sentence, score: float) -> tuple[Sentence, Sentence] | None:
        """This sentence and the next one or the one before, where the claim takes words from both."""
        before, after = self._sources.before(sentence), self._sources.after(sentence)
        pairs = [(before, sentence)] if before else []
        pairs += [(sentence, after)] if after else []
        for first, second in pairs:
            both = self._sources.joined(first, second)
            if self._coverage(claim, both) >= max(_TOGETHER, score + _GAIN) and not self._findings(claim, [both]):
                return first, second
        return None

    def _findings(self, claim: Reading, given: Sequence[Sentence]) -> list[Finding]:
        around = [self._sources.context(number) for number in dict.fromkeys(item.passage for item in given)]
        return findings(claim, [item.reading for item in given], around)

    def _pair(
        self, claim: Reading, first: Sentence, ranked: Sequence[tuple[float, Sentence]]
    ) -> tuple[Sentence, Sentence] | None:
        """Two sentences that carry the claim between them: each clause goes to the one that has more of its words."""
        parts = [Reading(part) for part in clauses(claim.text)]
        if len(parts) < 2:
            return None
        alone = self._sources.coverage(claim.vocabulary, first.reading)
        options = [
            (self._sources.coverage(claim.vocabulary, first.reading, second.reading), second)
            for _, second in ranked[:_TRIED]
            if second is not first
        ]
        for together, second in sorted(options, key=lambda pair: -pair[0]):
            if together < max(_TOGETHER, alone + _GAIN):
                break
            if all(self._carried(part, first, second) for part in parts):
                return first, second
        return None

    def _carried(self, part: Reading, first: Sentence, second: Sentence) -> bool:
        scores = [(self._sources.coverage(part.vocabulary, item.reading), item) for item in (first, second)]
        score, owner = max(scores, key=lambda pair: pair[0])
        return score >= ENOUGH and not self._findings(part, [owner])

    def _unsupported(self, claim: Reading, named: Sequence[Sentence]) -> Verdict:
        """The reasons, against the sentence that is nearest: of the passages that are named, if it is near at all."""
        foreign = [item for item in named or self._sources.sentences if item.reading.chinese != claim.chinese]
        if foreign and (verdict := self._translated(claim, foreign)):
            return verdict
        for group in (named, self._sources.sentences):
            ranked = self._ranked(claim, group)
            if ranked and ranked[0][0] >= RELATED:
                against = self._findings(claim, [ranked[0][1]])
                unfounded = Finding("unfounded", claim.text.strip())
                reasons = against or [unfounded]
                ties = (tie(ranked[0][1]),)
                return Verdict("unsupported", ties, tuple(reasons))
        return Verdict("unsupported", (), (Finding("unfounded", claim.text.strip()),))

    def _translated(self, claim: Reading, group: Sequence[Sentence]) -> Verdict | None:
        """For a source in another language, whose words cannot be aligned: only what is written alike is compared."""
        passages = {item.passage for item in group}
        if any(item.passage in passages and item.reading.chinese == claim.chinese for item in group):
            return None
        best = max(group, key=lambda item: self._shared(claim, item))
        readings = [item.reading for item in group]
        reasons = fact_findings(claim, readings)
        text = "\n".join(reading.levelled for reading in readings).casefold()
        words = [word for reading in readings for word in reading.words]
        reasons += [
            Finding("name", claim.said(name.start, name.end))
            for name in claim.names
            if name.key.isascii() and not name.soft and not has_name(name, words, text)
        ]
        if reasons:
            return Verdict("unsupported", (tie(best),), tuple(reasons))
        shared = self._shared(claim, best)
        return Verdict("unchecked", (tie(best),)) if shared > (_ANCHOR if self._strict else 0.0) else None

    def _shared(self, claim: Reading, sentence: Sentence) -> float:
        facts = {word.key for word in claim.words if word.tag == "fact"}
        alike = len(facts & {word.key for word in sentence.reading.words if word.tag == "fact"})
        return (
            alike
            + self._sources.coverage(claim.vocabulary, sentence.reading)
            + _QUESTION * self._sources.coverage(self._question.vocabulary, sentence.reading)
        )

"""What a reader is trained on: questions, the contexts that they are read with, and the answers that are wanted.

Several questions share a context, as they do in question sets; a context is read once for all of them
(:mod:`ragbot.training.reader.packing`). Contexts are what the chain hands over: passages as our own retriever finds them, right
ones among distractors (RAFT, Zhang and others 2024, https://arxiv.org/abs/2403.10131), or the one paragraph that
holds the answer. Where no passage holds it, a refusal is wanted.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ragbot.generation.reading import MOST_PASSAGES, NONE, Reading
from ragbot.index.analysis_fold import simplified
from ragbot.training.reader.clauses import clause
from ragbot.training.reader.contrast import altered


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of a document: its source, half-open offsets, the title and headings it stands under, and its text."""

    source: str
    start: int
    end: int
    title: str
    text: str

    def holds(self, span: tuple[str, int, int]) -> bool:
        """Whether it contains the span ``(source, start, end)``."""
        return span[0] == self.source and self.start <= span[1] and span[2] <= self.end


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the wordings that answer it, and where they stand; no answers: the documents are silent."""

    id: str
    text: str
    answers: tuple[str, ...]
    spans: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Questions about one paragraph of one document.

    ``gold`` is that paragraph (or as much around the answers as fits); ``retrieved[i]`` is what a search for
    ``questions[i]`` found, best first. ``document`` is the unit of splitting, ``language`` that of the questions.
    """

    set: str
    document: str
    language: str
    gold: Place
    questions: tuple[Asked, ...]
    retrieved: tuple[tuple[Place, ...], ...]


@dataclass(frozen=True, slots=True)
class Pack:
    """One context, and questions with what is wanted: an answer and the number of its passage, or no text and 0."""

    context: str
    language: str
    questions: tuple[str, ...]
    answers: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Mix:
    """How contexts are drawn.

    Args:
        gold: share of contexts that are the gold paragraph alone.
        foreign: questions about other paragraphs that are put to a gold paragraph, as a share of its own.
        altered: questions that are asked a second time with one detail changed (:mod:`ragbot.training.reader.contrast`),
            as a share: what the passage says is no answer to these.
        without: share of retrieved contexts from which the passages with the answer are taken out.
        questions: most questions of one context.
        characters: room for retrieved passages, drawn uniformly between the two, in characters of English; Chinese
            has a third of it.
        simplified: share of contexts of traditional characters that are written, with their questions, in simplified
            ones: who has questions in one of the two scripts learns to read both.
        clauses: share of answers in simplified characters that are given as the whole clause they stand in
            (:mod:`ragbot.training.reader.clauses`), by the set's name.
    """

    gold: float = 0.5
    foreign: float = 0.25
    altered: float = 0.15
    without: float = 0.15
    questions: int = 12
    characters: tuple[int, int] = (900, 3000)
    simplified: float = 0.0
    clauses: tuple[tuple[str, float], ...] = ()


class Packer:
    """Draws contexts for groups: the same for the same seed.

    Args:
        groups: what may be drawn from. Foreign questions come from the same document where it has others.
    """

    def __init__(self, groups: Sequence[Group], mix: Mix | None = None) -> None:
        self.groups = groups
        self._mix = mix or Mix()
        self._by_document: dict[str, list[Group]] = {}
        for group in groups:
            self._by_document.setdefault(group.document, []).append(group)
        self._by_language: dict[str, list[Group]] = {}
        for group in groups:
            self._by_language.setdefault(group.language, []).append(group)

    def pack(self, index: int, seed: str) -> Pack:
        """A context for group ``index``, and its questions."""
        group = self.groups[index]
        random_ = random.Random(f"{seed} {index}")
        asked = self._chosen(group.questions, random_)
        if random_.random() < self._mix.gold or not any(group.retrieved):
            places: list[Place] = [group.gold]
        else:
            places = self._retrieved(group, random_)
            asked += self._also(group, places, self._mix.questions - len(asked), random_)
        count = sum(random_.random() < self._mix.foreign for q in asked if q.answers)
        changed = [
            altered(q.text, group.language, random_)
            for q in asked
            if q.answers and random_.random() < self._mix.altered
        ]
        asked = asked + [self._foreign(group, random_) for _ in range(count)]
        reading = Reading(group.language)
        drawn = [(question.text, _answer(question, places)) for question in asked]
        drawn += [(text, _REFUSED) for text in changed if text]
        pairs = [(text, answer) for text, answer in drawn if answer is not None]
        random_.shuffle(pairs)
        context = reading.context([(place.title, place.text) for place in places])
        # Drawn last, and only where it is wanted: a run without it draws what it always drew.
        chinese = group.language == "zh"
        simplify = bool(self._mix.simplified) and chinese and random_.random() < self._mix.simplified
        share = dict(self._mix.clauses).get(group.set, 0.0) if chinese else 0.0
        if share and (simplify or simplified(context) == context):
            pairs = [(text, answer.whole() if random_.random() < share else answer) for text, answer in pairs]
        pack = Pack(
            context=context,
            language=group.language,
            questions=tuple(text for text, _ in pairs),
            answers=tuple((answer.text, answer.number) for _, answer in pairs),
        )
        return _simplified(pack) if simplify else pack

    def _chosen(self, questions: Sequence[Asked], random_: random.Random) -> list[Asked]:
        """Questions about a paragraph, those without an answer at most as many as those with one."""
        answerable = [question for question in questions if question.answers]
        silent = [question for question in questions if not question.answers]
        room = self._mix.questions
        silent = random_.sample(silent, min(len(silent), max(len(answerable), 2), room // 2))
        return random_.sample(answerable, min(len(answerable), room - len(silent))) + silent

    def _also(self, group: Group, places: Sequence[Place], room: int, random_: random.Random) -> list[Asked]:
        """Questions about other paragraphs of the document that happen to be in the context as well."""
        others = [
            question
            for other in self._by_document[group.document]
            if other is not group
            and any(place.holds((p.source, p.start, p.end)) for place in places for p in [other.gold])
            for question in other.questions
            if question.answers
        ]
        return random_.sample(others, min(len(others), max(room, 0)))

    def _foreign(self, group: Group, random_: random.Random) -> Asked:
        """A question about another paragraph, of the same document if it has one: it sounds as if it belonged here."""
        near = [other for other in self._by_document[group.document] if other is not group]
        other = random_.choice(near if near and random_.random() < 0.7 else self._by_language[group.language])
        return random_.choice(other.questions)

    def _retrieved(self, group: Group, random_: random.Random) -> list[Place]:
        """What a search for one of the questions found, cut to a random room, in any order of the best ones."""
        at = random_.choice([number for number, places in enumerate(group.retrieved) if places])
        found = group.retrieved[at]
        if random_.random() < self._mix.without:
            spans = group.questions[at].spans
            found = tuple(place for place in found if not any(map(place.holds, spans))) or found
        room = random_.uniform(*self._mix.characters) / (3 if group.language == "zh" else 1)
        chosen: list[Place] = []
        for place in found[:MOST_PASSAGES]:
            if chosen and room < len(place.text):
                break
            chosen.append(place)
            room -= len(place.text)
        if random_.random() < 0.3:
            random_.shuffle(chosen)
        return chosen


def _simplified(pack: Pack) -> Pack:
    return Pack(
        simplified(pack.context),
        pack.language,
        tuple(map(simplified, pack.questions)),
        tuple((simplified(text), number) for text, number in pack.answers),
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An answer, the number of its passage, and the clause that it stands in."""

    text: str
    number: int
    clause: str = ""

    def whole(self) -> _Wanted:
        """The clause as the answer."""
        return replace(self, text=self.clause)


_REFUSED = _Wanted("", NONE)


def _answer(question: Asked, places: Sequence[Place]) -> _Wanted | None:
    """What is wanted; None where nobody can tell.

    Of several wordings that annotators gave, one of middle length. Nobody can tell where the words of the answer stand
    in a passage, but not at the place that the annotators marked.
    """
    found: list[_Wanted] = []
    for span in question.spans:
        for number, place in enumerate(places, 1):
            if place.holds(span):
                marked = place.text[span[1] - place.start : span[2] - place.start]
                # Where a whole sentence is marked as evidence, the wording in it is the answer.
                wording = marked if marked in question.answers else next(filter(marked.count, question.answers), marked)
                begin = span[1] - place.start + max(marked.find(wording), 0)
                found.append(_Wanted(wording, number, clause(place.text, begin, begin + len(wording))))
                break
    if found:
        return sorted(found, key=lambda one: len(one.text))[(len(found) - 1) // 2]
    whole = " ".join(place.text for place in places)
    if any(answer in whole for answer in question.answers):
        return None
    return _REFUSED

"""What a training set for readers holds, in numbers and in samples, for people to look at before they train."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ragbot.generation.reading import NONE, Reading
from ragbot.training.reader.contexts import Group, Mix, Pack, Packer


@dataclass(frozen=True, slots=True)
class Described:
    """Counts of a part of a set.

    Attributes:
        questions, silent: how many, and how many of them have no answer in their document.
        found: share of the answerable whose answer stands in what the search found.
        drawn, refused: questions of one draw of contexts, and how many of these are to be refused.
        characters: mean length of these contexts.
        answer_characters: mean length of the answers.
    """

    documents: int
    groups: int
    questions: int
    silent: int
    found: float
    drawn: int
    refused: int
    characters: float
    answer_characters: float
    languages: dict[str, int]


def describe(groups: Sequence[Group], mix: Mix, seed: int = 0) -> Described:
    """Count ``groups``, and what one draw of contexts makes of them."""
    packs = draw(groups, mix, seed)
    answers = [answer for pack in packs for answer in pack.answers]
    texts = [text for text, number in answers if number != NONE]
    asked = [
        (question, places)
        for group in groups
        for question, places in zip(group.questions, group.retrieved, strict=True)
    ]
    answerable = [(q, places) for q, places in asked if q.answers]
    found = sum(any(place.holds(span) for place in places for span in q.spans) for q, places in answerable)
    return Described(
        documents=len({group.document for group in groups}),
        groups=len(groups),
        questions=len(asked),
        silent=len(asked) - len(answerable),
        found=found / max(len(answerable), 1),
        drawn=len(answers),
        refused=len(answers) - len(texts),
        characters=sum(len(pack.context) for pack in packs) / max(len(packs), 1),
        answer_characters=sum(map(len, texts)) / max(len(texts), 1),
        languages=dict(Counter(group.language for group in groups for _ in group.questions)),
    )


def draw(groups: Sequence[Group], mix: Mix, seed: int = 0) -> list[Pack]:
    """One context of each group, those that leave no question left out."""
    packer = Packer(groups, mix)
    packs = (packer.pack(index, f"sample {seed}") for index in range(len(groups)))
    return [pack for pack in packs if pack.questions]


def samples(groups: Sequence[Group], mix: Mix, count: int, seed: int = 0) -> str:
    """``count`` contexts spread over the groups, as the model will read them, in Markdown."""
    packs = draw([groups[i * len(groups) // count] for i in range(min(count, len(groups)))], mix, seed)
    parts = []
    for number, pack in enumerate(packs, 1):
        reading = Reading(pack.language)
        asked = [
            reading.question(question).strip() + (reading.refusal if at == NONE else reading.answer(text, at))
            for question, (text, at) in zip(pack.questions, pack.answers, strict=True)
        ]
        fence = "~~~~~~"
        parts.append(f"## {number}\n\n{fence}\n{pack.context}\n\n" + "\n\n".join(asked) + f"\n{fence}\n")
    return "\n".join(parts)

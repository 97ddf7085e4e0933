"""A comparison with another run, as rows of plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.contrast import ALPHA, Contrast, Flip, Verdict
from eval.report.formats import number, probability, signed, signed_bounds
from eval.report.words import Words
from eval.summary import ALL

#: Signs beside the words, so that no judgement is told by its colour alone.
SIGNS = {"better": "▲", "worse": "▼", "undecided": "◇", "identical": "="}
#: Flipped questions that the page lists; the rest is counted.
MOST_FLIPS = 300


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """A row of the table of verdicts."""

    metric: str
    title: str
    slice: str
    before: str
    after: str
    difference: str
    interval: str
    p: str
    detectable: str
    questions: int
    judgement: str
    word: str


@dataclass(frozen=True, slots=True)
class FlipLine:
    """A question whose outcome changed."""

    id: str
    question: str
    metric: str
    change: str
    word: str
    before: str
    after: str


def verdict_lines(verdicts: Sequence[Verdict], say: Words) -> list[VerdictLine]:
    """One row for each verdict, in their order."""
    found = []
    for verdict in verdicts:
        name, part = verdict.metric, verdict.difference
        found.append(
            VerdictLine(
                name,
                say.metric(name),
                say.slice(verdict.slice),
                number(part.a, name),
                number(part.b, name),
                signed(part.difference, name),
                signed_bounds(part.low, part.high, name),
                probability(verdict.p_adjusted),
                number(part.detectable, name),
                part.questions,
                verdict.judgement,
                f"{SIGNS[verdict.judgement]} {say(f'judgement.{verdict.judgement}')}",
            )
        )
    return found


def split(found: Contrast) -> tuple[list[Verdict], list[Verdict]]:
    """The verdicts over all questions, and those over slices."""
    whole = [verdict for verdict in found.verdicts if verdict.slice == ALL]
    return whole, [verdict for verdict in found.verdicts if verdict.slice != ALL]


def tally(verdicts: Sequence[Verdict], say: Words) -> str:
    """How many verdicts there are of each kind, such as ``▲ 2 better · ◇ 5 undecided``."""
    counts = {name: sum(verdict.judgement == name for verdict in verdicts) for name in SIGNS}
    return " · ".join(f"{SIGNS[name]} {count} {say(f'judgement.{name}')}" for name, count in counts.items() if count)


def notes(found: Contrast, say: Words) -> list[str]:
    """What has to be known before the verdicts are believed."""
    said = [say("compared", questions=found.questions)]
    if found.only_a or found.only_b:
        said.append(say("not_shared", a=found.a, only_a=found.only_a, b=found.b, only_b=found.only_b))
    if not found.same_questions:
        said.append(say("other_set"))
    if any(verdict.slice == ALL and verdict.difference.least_p >= ALPHA for verdict in found.verdicts):
        said.append(say("few_documents"))
    return said


def flip_lines(flips: Sequence[Flip], say: Words) -> list[FlipLine]:
    """The flipped questions, what was lost first."""
    ordered = sorted(flips, key=lambda flip: flip.change != "lost")
    return [
        FlipLine(
            flip.id,
            flip.question,
            flip.metric,
            flip.change,
            f"{SIGNS['better' if flip.change == 'gained' else 'worse']} {say(f'change.{flip.change}')}",
            number(flip.before, flip.metric),
            number(flip.after, flip.metric),
        )
        for flip in ordered
    ]

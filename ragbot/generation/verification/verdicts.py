"""What came of a sentence: whether it is carried, and by what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ragbot.documents import Finding
from ragbot.generation.verification.sources import Sentence

Status = Literal["supported", "unsupported", "unchecked"]


@dataclass(frozen=True, slots=True)
class Tie:
    """A sentence that carries a claim: ``[start, end)`` of passage ``passage`` (from 0), and the phrase in it, if any."""

    passage: int
    start: int
    end: int
    focus: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one sentence."""

    status: Status
    ties: tuple[Tie, ...] = ()
    findings: tuple[Finding, ...] = ()


def tie(sentence: Sentence, focus: tuple[int, int] | None = None) -> Tie:
    """The sentence as what carries a claim."""
    return Tie(sentence.passage, sentence.start, sentence.end, focus)

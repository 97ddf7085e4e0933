"""Self-consistency (Wang et al. 2022, arXiv:2203.11171): several answers are drawn, and the most agreed one given."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import closing

from ragbot.generation.markers import MARKER
from ragbot.generation.refusals import refuses
from ragbot.generation.strategies.agreement import overlap
from ragbot.generation.strategies.base import Request

#: Answers have to differ before they can agree. 0.7 is what Wang et al. sample GPT-3 and PaLM with (section 3.1).
TEMPERATURE = 0.7


def most_agreed(request: Request) -> Iterator[str]:
    """The answer that agrees most with the others, in one piece; empty pieces while they are drawn.

    Where Wang et al. count equal final answers, sentences are compared by their overlap (:func:`overlap`, markers
    aside), which makes the choice one of minimum Bayes risk (Kumar and Byrne 2004). A refusal is a vote like any
    other: it agrees wholly with refusals and not at all with answers, so answers that contradict each other lose
    to it. Of equals the first wins.
    """
    votes = []
    for _ in range(request.samples):
        text = ""
        with closing(request.say(TEMPERATURE)) as reply:
            for piece in reply:
                text += piece
                yield ""
        silent = not text.strip() or refuses(text, request.refusal, bool(MARKER.search(text)))
        votes.append(request.refusal if silent else text)
    yield votes[_winner(votes, request.refusal)]


def _winner(votes: Sequence[str], refusal: str) -> int:
    claims = [MARKER.sub("", vote) for vote in votes]

    def agreement(one: int, other: int) -> float:
        if (votes[one] == refusal) != (votes[other] == refusal):
            return 0.0
        return overlap(claims[one], claims[other])

    numbers = range(len(votes))
    # fsum: the order of the summands must not decide between equals.
    support = [math.fsum(agreement(one, other) for other in numbers if other != one) for one in numbers]
    return max(numbers, key=support.__getitem__)

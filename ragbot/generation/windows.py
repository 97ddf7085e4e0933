"""The part of a long passage that a small model reads: the sentences that most speaks for, and what stands around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from ragbot.documents import Passage
from ragbot.text import sentence_spans


def window(
    passage: Passage,
    support: Callable[[str], Sequence[float]],
    budget: int,
    count_tokens: Callable[[str], int],
) -> Passage:
    """The passage, or where it has more than ``budget`` tokens the run of its sentences that most speaks for.

    The rest of the budget is shared between both sides. Of a sentence that is longer than the budget the beginning is left.

    Args:
        support: of a text, what speaks for each of its sentences as the one that answers, in nats.
    """
    if count_tokens(passage.text) <= budget:
        return passage
    spans = list(sentence_spans(passage.text))
    if len(spans) < 2:
        return _cut(passage, budget, count_tokens)
    # With what stands between it and the next.
    stops = [*(start for start, _ in spans[1:]), spans[-1][1]]
    sizes = [count_tokens(passage.text[start:stop]) for (start, _), stop in zip(spans, stops, strict=True)]
    before = list(accumulate(sizes, initial=0))
    logits = np.array(support(passage.text))
    mass = np.concatenate([[0.0], np.cumsum(np.exp(logits - logits.max()))])

    def fits(first: int, last: int) -> bool:
        return before[last + 1] - before[first] <= budget

    best, chosen, last = -1.0, (0, 0), 0
    for first in range(len(spans)):
        last = max(last, first)
        while last + 1 < len(spans) and fits(first, last + 1):
            last += 1
        if mass[last + 1] - mass[first] > best * (1 + 1e-9):
            best, chosen = float(mass[last + 1] - mass[first]), (first, last)
    first, last = _centred(chosen, int(logits.argmax()), fits, len(spans))
    start, end = spans[first][0], spans[last][1]
    found = _part(passage, start, end)
    return _cut(found, budget, count_tokens) if first == last else found


def _part(passage: Passage, start: int, end: int) -> Passage:
    return replace(passage, text=passage.text[start:end], start=passage.start + start, end=passage.start + end)


def _cut(passage: Passage, budget: int, count_tokens: Callable[[str], int]) -> Passage:
    """What has no end of a sentence, a table in one line or worse, is cut anywhere; one token is at least a byte."""
    while len(passage.text) > 1 and (size := count_tokens(passage.text)) > budget:
        passage = _part(passage, 0, min(max(len(passage.text) * budget // size, 1), len(passage.text) - 1))
    return passage


def _centred(chosen: tuple[int, int], best: int, fits: Callable[[int, int], bool], count: int) -> tuple[int, int]:
    """The run with its best sentence as far from both ends as the budget allows, if it is in the run at all."""
    if not chosen[0] <= best <= chosen[1]:
        return chosen
    first = last = best
    while True:
        before = first > 0 and fits(first - 1, last)
        first -= before
        after = last + 1 < count and fits(first, last + 1)
        last += after
        if not before and not after:
            return first, last

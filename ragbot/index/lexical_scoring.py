"""BM25 over one segment: its terms' scores, what is best among them, and their moments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragbot.index.segment import Floats, Ints, Mask, Segment

#: One in so many scores is looked at to bound the best ones from below.
SAMPLED = 16
_ZERO = np.float32(0)


def scored(segment: Segment, dead: Ints, found: Sequence[int], weights: Sequence[float], saturated: Floats) -> Floats:
    """The score of each row.

    Args:
        dead: rows that score nothing.
        found: the numbers of the terms, -1 for one that is not here, and ``weights`` what each counts.
        saturated: :meth:`ragbot.index.segment.Segment.saturated`.
    """
    score = np.zeros(len(segment), np.float32)
    for number, weight in zip(found, weights, strict=True):
        if number >= 0:
            rows, kinds = segment.postings(number)
            gained = saturated * np.float32(weight)
            # Each row comes once a term; ``clip`` and the cast spare checks that cost more than the sum itself.
            np.add.at(score, rows.astype(np.intp), gained.take(kinds, mode="clip"))
    score[dead] = 0
    return score


def best(scores: Floats, k: int, floor: np.float32 = _ZERO) -> Ints:
    """Where the ``k`` highest scores above zero are, and all that equal the last of them; none below ``floor``."""
    sample = scores[::SAMPLED]
    if not floor and len(sample) > k:
        # So many of the sample reach it, and so of all: what is below is not among the best. Far fewer are sorted.
        floor = np.partition(sample, -k)[-k]
    # Compared first: numpy finds what is not zero much faster among truth values than among numbers.
    rows = (scores >= floor if floor > 0 else scores > 0).nonzero()[0]
    if len(rows) > k:
        own = scores[rows]
        rows = rows[own >= np.partition(own, -k)[-k]]
    return rows


def frequencies(
    segments: Sequence[Segment],
    living: Sequence[Mask],
    dead: Sequence[Ints],
    places: Sequence[Sequence[int]],
    count: int,
) -> list[int]:
    """In how many living chunks each of ``count`` terms stands; ``places`` are its numbers in each segment."""
    found_in = [0] * count
    for segment, alive, gone, found in zip(segments, living, dead, places, strict=True):
        for term, number in enumerate(found):
            if number >= 0:
                rows = segment.postings(number)[0]
                found_in[term] += int(alive[rows].sum()) if len(gone) else len(rows)
    return found_in


def moments(scores: Floats) -> tuple[float, float]:
    """Sum, and sum of squares."""
    exact = scores.astype(np.float64)
    return float(exact.sum()), float(np.einsum("i,i->", exact, exact))

"""Whether the citations show what the answer rests on, and whether every sentence has one.

The idea is that of ALCE (Gao et al. 2023, https://arxiv.org/abs/2305.14627), citation precision and recall; where it
asks a model whether a passage supports a sentence, gold sentences decide here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from math import nan

from eval.metrics.markers import MARKER, markers_of, strip_markers

#: A stretch of a document: ``(source, start, end)``, offsets in code points, half open.
Place = tuple[str, int, int]
_WORD = re.compile(r"\w")
_OPENING = re.compile(rf"(?:\s++|{MARKER.pattern})*")


def holds(citation: Place, sentence: Place) -> bool:
    """Whether the two share at least half of the shorter one.

    Half, because two ways of finding sentences differ by a quotation mark or a clause and still mean the same one,
    while a neighbour that shares a few characters is another. Of the shorter, because quoting the decisive clause is
    as good as quoting the paragraph around it. An empty stretch holds nothing.
    """
    if citation[0] != sentence[0]:
        return False
    shared = min(citation[2], sentence[2]) - max(citation[1], sentence[1])
    shorter = min(citation[2] - citation[1], sentence[2] - sentence[1])
    return shorter > 0 and 2 * shared >= shorter


def citation_precision(citations: Sequence[Place], gold: Sequence[Sequence[Place]]) -> float:
    """Share of the citations that hold a gold sentence; nan without citations.

    Args:
        citations: the stretches that are cited.
        gold: the gold sentences, each with the places where it stands; any one of them will do.
    """
    if not citations:
        return nan
    places = [place for item in gold for place in item]
    return sum(any(holds(citation, place) for place in places) for citation in citations) / len(citations)


def citation_recall(citations: Sequence[Place], gold: Sequence[Sequence[Place]]) -> float:
    """Share of the gold sentences that some citation holds; nan where nothing is gold. Arguments as for precision."""
    if not gold:
        return nan
    return sum(any(holds(c, place) for place in item for c in citations) for item in gold) / len(gold)


def unsupported_share(text: str, sentences: Sequence[tuple[int, int]], markers: Collection[int]) -> float:
    """Share of the answer's sentences without a marker that stands for a citation; nan without sentences.

    A marker belongs to the sentence that it follows, also after the full stop (``… in 2023. [1] Next``), whichever
    sentence the caller's splitter gave it to: one that opens a sentence counts for the sentence before. Only at the
    beginning of the answer it counts for what comes after. Stretches without a word (a rule, a marker alone) are no
    sentences.

    Args:
        text: the answer with its markers.
        sentences: ``(start, end)`` of each sentence in ``text``, in order, in code points; they may leave gaps.
        markers: the numbers of the citations.
    """
    starts = [
        start + _opening(text[start:end]) for start, end in sentences if _WORD.search(strip_markers(text[start:end]))
    ]
    if not starts:
        return nan
    supported = set()
    for offset, number in markers_of(text):
        if number in markers:
            supported.add(max(sum(start <= offset for start in starts) - 1, 0))
    return 1 - len(supported) / len(starts)


def byte_exact(quote: str, source_text: str, start: int, end: int) -> bool:
    """Whether the quote equals its source at ``[start, end)``, code point for code point; an empty one never does."""
    return 0 <= start < end <= len(source_text) and source_text[start:end] == quote


def _opening(sentence: str) -> int:
    """Length of the markers and blanks that a sentence begins with."""
    opening = _OPENING.match(sentence)
    return opening.end() if opening else 0

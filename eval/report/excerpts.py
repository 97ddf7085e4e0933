"""Passages cut to what a page has room for, with the places that hold the gold answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from eval.datasets.base import Question
from eval.responses import Hit

Range = tuple[int, int]
ELLIPSIS = "…"


def is_gold(question: Question, hit: Hit) -> bool:
    """Whether a hit holds a gold place whole, or is of a relevant document where only documents are judged."""
    if not question.gold:
        return question.relevant.get(hit.source, 0) > 0
    spans = [span for item in question.gold for span in item if span.source == hit.source]
    if hit.start >= 0:
        return any(hit.start <= span.start and span.end <= hit.end for span in spans)
    return bool(spans) and bool(occurrences(hit.text, question.answers))


def gold_ranges(question: Question, hit: Hit) -> list[Range]:
    """Where the gold answer stands in a hit's text; pieces of it too, where the hit's edge cuts through it."""
    if not question.gold or hit.start < 0:
        return occurrences(hit.text, question.answers)
    spans = [span for item in question.gold for span in item if span.source == hit.source]
    shifted = ((span.start - hit.start, span.end - hit.start) for span in spans)
    return joined((max(start, 0), min(end, len(hit.text))) for start, end in shifted)


def occurrences(text: str, answers: Iterable[str]) -> list[Range]:
    """Where answers stand in a text word for word, whatever their case."""
    found = []
    for answer in answers:
        if answer.strip():
            found += [match.span() for match in re.finditer(re.escape(answer.strip()), text, re.IGNORECASE)]
    return joined(found)


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Ranges in order, those that touch made one, empty ones left out."""
    result: list[Range] = []
    for start, end in sorted(ranges):
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def cut(text: str, ranges: Sequence[Range], length: int) -> tuple[str, list[Range]]:
    """At most ``length`` code points of a text (and an ellipsis where it was cut), such that the first range is seen."""
    if len(text) <= length:
        return text, list(ranges)
    start = 0
    if ranges and ranges[0][1] > length:
        start = max(0, min(ranges[0][0] - length // 4, len(text) - length))
    end = min(start + length, len(text))
    before, after = ELLIPSIS if start else "", ELLIPSIS if end < len(text) else ""
    moved = ((max(a, start), min(b, end)) for a, b in ranges)
    shift = len(before) - start
    return before + text[start:end] + after, [(a + shift, b + shift) for a, b in moved if a < b]

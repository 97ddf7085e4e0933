"""Tie each marked sentence of an answer to the sentence of its passage that carries it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragbot.documents import Citation, Passage, heading_path, page_at
from ragbot.index.analysis import terms
from ragbot.text import sentence_spans

_MARKS = re.compile(r"\s*\[(\d{1,3})\]")


def cite(text: str, numbers: Sequence[int], passages: Sequence[Passage], question: str) -> tuple[Citation, ...]:
    """The citations of an answer, by marker; one for each distinct quote.

    Args:
        text: the answer, with markers ``[1]`` … ``[len(numbers)]``.
        numbers: the passage (from 1) that each marker stands for.
        question: decides between sentences where the answer shares no word with the passage (another language).
    """
    found: dict[tuple[int, int, int], Citation] = {}
    for claim, marker in _claims(text):
        if not 1 <= marker <= len(numbers):
            continue  # what is left around a dropped marker can look like one: [[9]1]
        passage = passages[numbers[marker - 1] - 1]
        start, end = _best_span(passage.text, claim, question)
        key = (marker, start, end)
        if key not in found:
            found[key] = Citation(
                marker=marker,
                source=passage.document.source,
                title=passage.document.title,
                page=page_at(passage.pages, passage.start + start) if passage.pages else passage.page,
                heading=" > ".join(
                    heading_path(passage.outline, passage.start + start) if passage.outline else passage.headings
                ),
                start=passage.start + start,
                end=passage.start + end,
                quote=passage.text[start:end],
                document_id=passage.document.id,
            )
    return tuple(found[key] for key in sorted(found))


def _claims(text: str) -> list[tuple[str, int]]:
    """``(words, marker)``: for each marker, the text since the markers before it."""
    claims, begin, previous_end = [], 0, -1
    for match in _MARKS.finditer(text):
        if match.start() != previous_end:
            claim = text[begin : match.start()]
            begin = match.end()
        else:
            begin = match.end()
        previous_end = match.end()
        claims.append((claim, int(match.group(1))))
    return claims


def _best_span(text: str, claim: str, question: str) -> tuple[int, int]:
    """The sentence that shares most with the claim, as F1 over terms; then with the question; then the first."""
    spans = list(sentence_spans(text)) or [(0, len(text))]
    sentences = [set(terms(text[start:end])) for start, end in spans]
    for wanted in (set(terms(claim)), set(terms(question))):
        scores = [2 * len(wanted & words) / (len(wanted) + len(words) or 1) for words in sentences]
        if max(scores) > 0:
            return spans[scores.index(max(scores))]
    return spans[0]

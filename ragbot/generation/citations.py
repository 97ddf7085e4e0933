"""Tie each marked sentence of an answer to the sentence of its passage that carries it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ragbot.documents import Citation, Passage, heading_path, page_at
from ragbot.index.analysis import terms
from ragbot.text import sentence_spans

if TYPE_CHECKING:
    from ragbot.generation.answerers import Short


class Citations:
    """Collects the citations of one answer: a marker stands for one quote, numbered as they appear.

    Args:
        passages: what the answer was made from.
        question: decides between sentences where a claim shares no word with the passage (another language).
    """

    def __init__(self, passages: Sequence[Passage], question: str) -> None:
        self._passages = passages
        self._question = question
        self._found: dict[tuple[int, int, int], Citation] = {}

    @property
    def found(self) -> tuple[Citation, ...]:
        """The citations so far, by marker."""
        return tuple(self._found.values())

    def mark(self, claim: str, number: int) -> int | None:
        """The marker for the sentence of passage ``number`` (from 1) that carries ``claim``; None without such a passage."""
        if not 1 <= number <= len(self._passages):
            return None
        start, end = _best_span(self._passages[number - 1].text, claim, self._question)
        return self.add(number - 1, start, end)

    def add(self, passage: int, start: int, end: int, focus: tuple[int, int] | None = None) -> int:
        """The marker for ``[start, end)`` of passage ``passage`` (from 0); ``focus`` is the phrase in it that was asked for."""
        item = self._passages[passage]
        key = (item.document.id, item.start + start, item.start + end)
        if key not in self._found:
            self._found[key] = _citation(len(self._found) + 1, item, start, end)
        if focus and self._found[key].focus is None:
            shown = (item.start + focus[0], item.start + focus[1])
            self._found[key] = replace(self._found[key], focus=shown)
        return self._found[key].marker

    def keep(self, count: int) -> None:
        """Forget all but the first ``count``: what cited them is not shown after all."""
        self._found = dict(list(self._found.items())[:count])


def pointing(found: Sequence[Citation], passages: Sequence[Passage], short: Short) -> tuple[Citation, ...]:
    """The citations; those whose quote says the few words that answer point to them."""
    passage = passages[short.passage]
    start, end = (passage.start + at for at in short.place)
    return tuple(
        replace(one, focus=(start, end))
        if one.document_id == passage.document.id and one.start <= start and end <= one.end
        else one
        for one in found
    )


def _citation(marker: int, passage: Passage, start: int, end: int) -> Citation:
    offset = passage.start + start
    return Citation(
        marker=marker,
        source=passage.document.source,
        title=passage.document.title,
        page=page_at(passage.pages, offset) if passage.pages else passage.page,
        heading=" > ".join(heading_path(passage.outline, offset) if passage.outline else passage.headings),
        start=offset,
        end=passage.start + end,
        quote=passage.text[start:end],
        document_id=passage.document.id,
    )


def _best_span(text: str, claim: str, question: str) -> tuple[int, int]:
    """The sentence that shares most with the claim, as F1 over terms; then with the question; then the first."""
    spans = list(sentence_spans(text)) or [(0, len(text))]
    sentences = [set(terms(text[start:end])) for start, end in spans]
    for wanted in (set(terms(claim)), set(terms(question))):
        scores = [2 * len(wanted & words) / (len(wanted) + len(words) or 1) for words in sentences]
        if max(scores) > 0:
            return spans[scores.index(max(scores))]
    return spans[0]

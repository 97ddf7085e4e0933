"""The questions of a run as data for the page: short keys, and each text stored once."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from eval.datasets.base import Question, ToolCall
from eval.metrics.table import METRICS
from eval.records import Row
from eval.report.excerpts import cut, gold_ranges, is_gold, occurrences
from eval.report.outcomes import outcome
from eval.responses import Response
from eval.summary import MOST_VALUES

#: Code points of a passage that are shown: the first of these with which a thousand questions stay within the budget.
EXCERPTS = (400, 280, 180, 120, 80, 60)
#: Bytes of UTF-8 that the passages of a thousand questions may take.
BUDGET = 1_500_000
#: Code points of an answer that are shown.
LONGEST_ANSWER = 2_000
#: Columns of the table, of those that the run has.
COLUMNS = ("mrr@10", "f1", "citation_recall", "tool_call_f1", "seconds", "search_seconds")
MOST_COLUMNS = 4


class Pool:
    """Strings by number, each stored once: many questions find the same passages."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self._numbers: dict[str, int] = {}

    def add(self, string: str) -> int:
        """The number of a string."""
        if string not in self._numbers:
            self._numbers[string] = len(self.strings)
            self.strings.append(string)
        return self._numbers[string]

    def size(self) -> int:
        """Bytes of UTF-8."""
        return sum(len(string.encode("utf-8", "replace")) for string in self.strings)


def questions_data(rows: Sequence[Row]) -> dict[str, Any]:
    """Everything that the page shows of single questions, ready for JSON.

    ``excerpt`` is the length at which passages were cut. Ranges count code points.
    """
    allowed = BUDGET * max(1.0, len(rows) / 1000)
    for length in EXCERPTS:
        pool = Pool()
        passages = [_passages(row, pool, length) for row in rows]
        if pool.size() <= allowed:
            break
    names = [name for name in METRICS if any(name in row.metrics for row in rows)]
    facets = facets_of([row.question for row in rows])
    return {
        "metrics": names,
        "columns": [name for name in COLUMNS if name in names][:MOST_COLUMNS],
        "excerpt": length,
        "texts": pool.strings,
        "rows": [_row(row, found, names, facets) for row, found in zip(rows, passages, strict=True)],
    }


def facets_of(questions: Sequence[Question]) -> dict[str, list[str]]:
    """What the table can be narrowed by: tags that divide the questions, but not into very many groups."""
    values: dict[str, set[str]] = defaultdict(set)
    for question in questions:
        for key, value in _tags(question).items():
            values[key].add(value)
    return {key: sorted(found) for key, found in values.items() if 2 <= len(found) <= MOST_VALUES}


def _tags(question: Question) -> dict[str, str]:
    tags = {"language": question.language, "answerable": "yes" if question.answerable else "no", **question.tags}
    return {key: value for key, value in tags.items() if value}


def _row(row: Row, passages: dict[str, Any], names: Sequence[str], facets: dict[str, list[str]]) -> dict[str, Any]:
    question, response = row.question, row.response
    shown: dict[str, Any] = {
        "id": question.id,
        "question": question.text,
        "language": question.language,
        "outcome": outcome(row),
        "answers": list(question.answers),
        "unanswerable": None if question.answerable else 1,
        "document": "" if question.document == question.id else question.document,
        "facets": {key: value for key, value in _tags(question).items() if key in facets},
        "metrics": [_rounded(row.metrics.get(name)) for name in names],
        "error": row.error,
        "expected": _calls(question.calls),
        **passages,
    }
    if response is not None:
        shown |= {"kept": 1, "refused": response.abstained, "confidence": _rounded(response.confidence)}
        shown |= {"calls": _calls(response.calls)} | _answer(question, response)
    return {key: value for key, value in shown.items() if value not in (None, "", [], {})}


def _answer(question: Question, response: Response) -> dict[str, Any]:
    if response.text is None:
        return {}
    text, ranges = cut(response.text, occurrences(response.text, question.answers), LONGEST_ANSWER)
    return {"answer": text, "marks": ranges}


def _passages(row: Row, pool: Pool, length: int) -> dict[str, Any]:
    """Hits as (source, text, gold ranges, start, end, score, gold), citations as (marker, source, text, start, end)."""
    if row.response is None:
        return {}
    hits = []
    for hit in row.response.hits:
        text, ranges = cut(hit.text, gold_ranges(row.question, hit), length)
        gold = int(is_gold(row.question, hit))
        score = _rounded(hit.score)
        hits.append((pool.add(hit.source), pool.add(text), ranges, hit.start, hit.end, score, gold))
    quotes = [
        (quote.marker, pool.add(quote.source), pool.add(cut(quote.text, (), length)[0]), quote.start, quote.end)
        for quote in row.response.quotes or ()
    ]
    return {"hits": hits, "quotes": quotes}


def _calls(calls: Sequence[ToolCall] | None) -> list[str]:
    return [f"{call.tool} {json.dumps(call.arguments, ensure_ascii=False, default=str)}" for call in calls or ()]


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)

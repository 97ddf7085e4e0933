"""Whether the system did right by a question: what the table of questions is filtered by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from eval.records import Row

Outcome = Literal["right", "wrong", "refused", "error", "unjudged"]
OUTCOMES: tuple[Outcome, ...] = ("right", "wrong", "refused", "error", "unjudged")
#: The first of these that a row has decides about an answer.
_DECIDING = ("right_answer", "contains", "right_tools")


def outcome(row: Row) -> Outcome:
    """The outcome of a row, from its metrics alone, so that a baseline without responses has one too.

    ``right``: an unanswerable question refused, an answer that holds the gold words, or (where only a search was asked
    for) a gold place among the first 10 hits. ``refused``: refused although the documents answer it. ``unjudged``:
    nothing was measured that says.
    """
    metrics = row.metrics
    if row.error:
        return "error"
    if "refused" in metrics:
        return "right" if metrics["refused"] >= 0.5 else "wrong"
    if metrics.get("answered", 1.0) < 0.5:
        return "refused"
    for name in _DECIDING:
        if name in metrics:
            return "right" if metrics[name] >= 0.5 else "wrong"
    if "answered" not in metrics and "hit@10" in metrics:
        return "right" if metrics["hit@10"] >= 0.5 else "wrong"
    return "unjudged"


def counts(rows: Iterable[Row]) -> dict[Outcome, int]:
    """How many rows have each outcome, those that none has left out."""
    found = Counter(outcome(row) for row in rows)
    return {name: found[name] for name in OUTCOMES if found[name]}

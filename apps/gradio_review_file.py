"""A question set under review: a JSONL file in which each decision of a person is stored at once."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eval.datasets.jsonl import read_lines, write_jsonl
from ragbot.errors import SourceError

Decision = Literal["kept", "dropped"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How many questions there are, and what was decided about them."""

    total: int
    kept: int
    dropped: int

    @property
    def open(self) -> int:
        """Questions that are not decided yet."""
        return self.total - self.kept - self.dropped


class ReviewFile:
    """Reads and writes the records; the file is read anew each time, so that two pages do not undo each other.

    Args:
        path: the question set, in the format of :mod:`eval.datasets.jsonl`.

    Raises:
        SourceError: from every method, where the file cannot be read or written, or is not of the format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def records(self) -> list[dict[str, Any]]:
        """All records, dropped ones too."""
        found = []
        for number, record in read_lines(self.path):
            if not isinstance(record.get("question"), str) or not isinstance(record.get("answers", []), list):
                raise SourceError(f"{self.path}, line {number}: a question and a list of answers are wanted; mend it")
            found.append(record)
        return found

    def progress(self) -> Progress:
        """How far the review has come."""
        decided = [record.get("review") for record in self.records()]
        return Progress(len(decided), decided.count("kept"), decided.count("dropped"))

    def decide(self, index: int, decision: Decision) -> None:
        """Keep or drop a record."""
        self._change(index, {"review": decision})

    def edit(self, index: int, question: str, answers: Sequence[str]) -> None:
        """Change the wording of a record, and nothing else."""
        self._change(index, {"question": question, "answers": list(answers)})

    def next_open(self, after: int) -> int | None:
        """The first undecided record behind ``after``, then from the beginning; None where all are decided."""
        records = self.records()
        order = [*range(after + 1, len(records)), *range(min(after + 1, len(records)))]
        return next((index for index in order if records[index].get("review") not in {"kept", "dropped"}), None)

    def _change(self, index: int, values: Mapping[str, Any]) -> None:
        with self._lock:
            records = self.records()
            if not 0 <= index < len(records):
                raise SourceError(f"{self.path} has no question {index + 1} any more; load the page again")
            records[index].update(values)
            write_jsonl(self.path, records)

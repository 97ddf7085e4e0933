"""Questions whose answer stands in a document of the other language (data/eval/cross_language.jsonl).

A line names its document, with the gold span, in data/corpus (these were used to choose), or a set of the bench folder
with article, paragraph and ``answer_start`` (test articles only: these are what is reported).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.datasets.base import Question, QuestionSet, Span
from eval.datasets.squad import BLANK_LINE, article_source
from ragbot.documents import Document
from ragbot.errors import SourceError

FILE = Path(__file__).parents[2] / "data" / "eval" / "cross_language.jsonl"


def rows(file: Path = FILE) -> list[dict[str, Any]]:
    """The lines. Raises SourceError."""
    try:
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot read {file}: {error}; restore it from the repository") from error


def bench_questions(
    folder: Path, sets: Mapping[str, QuestionSet], lines: Sequence[dict[str, Any]] | None = None
) -> list[Question]:
    """Those over the sets that are given; ``folder`` holds their files, ``lines`` are those of :data:`FILE`.

    Raises:
        SourceError: one names no answer of its set.
    """
    data = {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["data"] for name in sets}
    return [
        _bench_question(row, data[row["set"]]) for row in (rows() if lines is None else lines) if row.get("set") in sets
    ]


def _bench_question(row: dict[str, Any], articles: list[dict[str, Any]]) -> Question:
    paragraphs = articles[row["article"]]["paragraphs"]
    before = sum(len(paragraph["context"]) + len(BLANK_LINE) for paragraph in paragraphs[: row["paragraph"]])
    start = row["answer_start"]
    texts = sorted(
        {
            answer["text"]
            for qa in paragraphs[row["paragraph"]]["qas"]
            for answer in qa["answers"]
            if answer["answer_start"] == start
        }
    )
    if not texts:
        raise SourceError(
            f"{row['id']}: {row['set']} has no answer at {start}; is it the set that the file was made for?"
        )
    source = article_source(row["set"], row["article"])
    spans = tuple(Span(source, before + start, before + start + len(text)) for text in texts)
    return Question(row["id"], row["question"], gold=(spans,), document=source, language=row["language"])


def corpus_questions(documents: list[Document]) -> list[Question]:
    """Those over data/corpus, with the sources that its documents have in a knowledge base.

    Raises:
        SourceError: a document is missing.
    """
    made = []
    for row in rows():
        if "document" in row:
            source = next((found.source for found in documents if found.source.endswith("/" + row["document"])), None)
            if source is None:
                raise SourceError(
                    f"{row['id']}: there is no {row['document']} in the knowledge base; ingest data/corpus"
                )
            span = Span(source, row["start"], row["end"])
            made.append(
                Question(row["id"], row["question"], gold=((span,),), document=source, language=row["language"])
            )
    return made

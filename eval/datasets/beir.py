"""Retrieval sets in BEIR's layout (Thakur and others, 2021): ``corpus.jsonl``, ``queries.jsonl``, ``qrels/*.tsv``.

The corpus has ``_id``, ``title`` and ``text`` a line, the queries ``_id`` and ``text``; a file of judgements has the
columns query, document and grade, under a line with their names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eval.datasets.base import PARTS, Question, QuestionSet
from eval.datasets.jsonl import read_lines
from ragbot.documents import ParsedDocument
from ragbot.errors import SourceError
from ragbot.text import detect_language

CORPUS, QUERIES = "corpus.jsonl", "queries.jsonl"
_USUAL = "test"


def judgements(folder: Path) -> dict[str, Path]:
    """The files of judgements by their stem."""
    return {path.stem: path for path in sorted((folder / "qrels").glob("*.tsv"))}


def read_beir(folder: Path, qrels: str | None = None) -> QuestionSet:
    """Read a folder in BEIR's layout: the queries that one file of judgements judges.

    ``relevant`` holds the grades above 0 (0 says: judged, and not relevant). Each query is a unit of its own. A document
    without text but with a title has the title as its text. Where the file of judgements is called after a part, all
    its queries are of that part.

    Args:
        folder: the set.
        qrels: stem of the file of judgements, such as ``dev``; None takes the only one, or ``test`` among several.

    Raises:
        SourceError: a file is missing or not of the format, or a judged query is not among the queries.
    """
    files = judgements(folder)
    name = qrels or (next(iter(files)) if len(files) == 1 else _USUAL)
    if name not in files:
        there = ", ".join(files) or "none"
        raise SourceError(f"{folder / 'qrels'} has no {name}.tsv; the judgements that are there: {there}")
    documents = dict(
        _document(record, f"{folder / CORPUS}, line {line}") for line, record in read_lines(folder / CORPUS)
    )
    texts = {}
    for line, record in read_lines(folder / QUERIES):
        where = f"{folder / QUERIES}, line {line}"
        texts[_text(record, "_id", where)] = _text(record, "text", where)
    grades = _grades(files[name], texts)
    questions = tuple(
        Question(query, texts[query], relevant=relevant, language=detect_language(texts[query]))
        for query, relevant in grades.items()
    )
    return QuestionSet(folder.name, questions, documents, {name: frozenset(grades)} if name in PARTS else {})


def _document(record: dict[str, Any], where: str) -> tuple[str, ParsedDocument]:
    title, text = record.get("title") or "", _text(record, "text", where)
    if not isinstance(title, str):
        raise SourceError(f'{where}: "title" must be a text, not {title!r}')
    text = text if text.strip() else title
    return _text(record, "_id", where), ParsedDocument(text, title=title, language=detect_language(text))


def _text(record: dict[str, Any], name: str, where: str) -> str:
    value = record.get(name)
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise SourceError(f'{where}: "{name}" must be a text, not {value!r}; see the layout of BEIR')


def _grades(path: Path, queries: dict[str, str]) -> dict[str, dict[str, int]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # not splitlines(): a name may hold a U+2028
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"cannot read the judgements {path}: {error}; check the file") from error
    grades: dict[str, dict[str, int]] = {}
    for number, line in enumerate(lines, 1):
        cells = line.split("\t")
        if not line.strip() or (number == 1 and cells[-1].strip() == "score"):
            continue
        where = f"{path}, line {number}"
        try:
            query, document, grade = cells
            value = int(float(grade))
        except ValueError:
            raise SourceError(
                f"{where}: query, document and grade with tabs between are wanted, not {line!r}"
            ) from None
        if query not in queries:
            raise SourceError(f"{where}: {QUERIES} has no query {query!r}; the files do not belong together")
        relevant = grades.setdefault(query, {})
        if value > 0:
            relevant[document] = value
    return grades

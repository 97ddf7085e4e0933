"""The RGB benchmark (Chen and others, "Benchmarking Large Language Models in Retrieval-Augmented Generation", 2023).

One JSON object a line::

    {"id": 0, "query": …, "answer": …, "positive": […], "negative": […], "positive_wrong": […], "fakeanswer": …}

``answer`` is a text, or a list of the pieces that an answer needs; a piece is a text or a list of wordings for it. In
the files that ask for integration ``positive`` holds one list of passages for each piece. The files of counterfactual
passages have ``positive_wrong``: the positive passages with a false answer (``fakeanswer``) put in.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, product
from pathlib import Path
from typing import Any

from eval.datasets.base import Question, QuestionSet, Span
from eval.datasets.jsonl import read_lines
from eval.datasets.locate import Locator
from ragbot.documents import ParsedDocument
from ragbot.errors import SourceError
from ragbot.text import detect_language

#: Of an answer in several pieces, at most so many combinations of their wordings.
_COMBINATIONS = 32


def read_rgb(path: Path) -> QuestionSet:
    """Read a file of RGB; each passage becomes a document.

    Documents are named ``stem/id/p0`` … (positive), ``n0`` … (negative) and ``w0`` … (positive with a false answer),
    counted over all lists of a question. Each needed piece is a gold item: the places of its wordings in the positive
    passages, case ignored as RGB's own check does (in its own list of passages, where each piece has one). Positive
    passages are ``relevant``. A question in several pieces has the tag ``pieces`` with their number, and its
    ``answers`` hold all pieces, joined. Each question is a unit of its own.

    Raises:
        SourceError: the file is missing or not of this format; the message names the line.
    """
    documents: dict[str, ParsedDocument] = {}
    questions: list[Question] = []
    seen: set[str] = set()
    for number, record in read_lines(path):
        where = f"{path}, line {number}"
        query, identity = record.get("query"), record.get("id")
        if not isinstance(query, str) or isinstance(identity, bool) or not isinstance(identity, str | int):
            raise SourceError(f'{where}: "id" and "query" are wanted; this is not a line of RGB')
        if str(identity) in seen:
            raise SourceError(f"{where}: a line before has the id {identity!r} too; change one")
        seen.add(str(identity))
        pieces = _pieces(record.get("answer"), where)
        groups = [
            _documents(f"{path.stem}/{identity}/p", passages, first)
            for first, passages in _counted(_groups(record, "positive", where))
        ]
        others = [
            _documents(f"{path.stem}/{identity}/{letter}", passages, first)
            for letter, name in (("n", "negative"), ("w", "positive_wrong"))
            for first, passages in _counted(_groups(record, name, where))
        ]
        for group in (*groups, *others):
            documents.update(group)
        positive = {source: document for group in groups for source, document in group.items()}
        language = detect_language(query) or next((document.language for document in positive.values()), "")
        questions.append(
            Question(
                id=str(identity),
                text=query,
                answers=_joined(pieces, language),
                gold=_gold(pieces, groups),
                relevant=dict.fromkeys(positive, 1),
                language=language,
                tags={"pieces": str(len(pieces))} if len(pieces) > 1 else {},
            )
        )
    return QuestionSet(path.stem, tuple(questions), documents)


def _pieces(answer: Any, where: str) -> list[list[str]]:
    listed = answer if isinstance(answer, list) else [answer]
    pieces = [list(piece) if isinstance(piece, list) else [piece] for piece in listed]
    if not pieces or not all(piece and all(isinstance(wording, str) for wording in piece) for piece in pieces):
        raise SourceError(f'{where}: "answer" must be a text or lists of texts, not {answer!r}')
    return pieces


def _groups(record: dict[str, Any], name: str, where: str) -> list[list[str]]:
    """The passages in their lists; a plain list of passages is one."""
    value = record.get(name, [])
    if isinstance(value, list):
        groups = value if value and all(isinstance(group, list) for group in value) else [value]
        if all(isinstance(passage, str) for group in groups for passage in group):
            return groups
    raise SourceError(f'{where}: "{name}" must be a list of passages, or of lists of them')


def _counted(groups: Sequence[list[str]]) -> list[tuple[int, list[str]]]:
    """Each list with the number of passages before it."""
    return [(sum(map(len, groups[:i])), group) for i, group in enumerate(groups)]


def _documents(prefix: str, passages: Sequence[str], first: int) -> dict[str, ParsedDocument]:
    return {
        f"{prefix}{number}": ParsedDocument(passage, language=detect_language(passage))
        for number, passage in enumerate(passages, first)
        if passage.strip()
    }


def _gold(pieces: Sequence[list[str]], groups: Sequence[dict[str, ParsedDocument]]) -> tuple[tuple[Span, ...], ...]:
    """The places of each piece; none at all if a piece stands nowhere, because half of what is needed misleads."""
    locators = [
        [(source, Locator(document.text, fold_case=True)) for source, document in group.items()] for group in groups
    ]
    everywhere = [pair for group in locators for pair in group]
    gold = []
    for number, piece in enumerate(pieces):
        searched = locators[number] if len(groups) == len(pieces) else everywhere
        places = dict.fromkeys(
            Span(source, *place)
            for source, locator in searched
            for wording in piece
            if (place := locator.find(wording)) is not None
        )
        if not places:
            return ()
        gold.append(tuple(places))
    return tuple(gold)


def _joined(pieces: Sequence[list[str]], language: str) -> tuple[str, ...]:
    joint = "、" if language == "zh" else ", "
    return tuple(dict.fromkeys(joint.join(chosen) for chosen in islice(product(*pieces), _COMBINATIONS)))

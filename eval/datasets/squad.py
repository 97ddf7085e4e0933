"""Question sets in SQuAD's JSON: SQuAD 1.1 and 2.0 (Rajpurkar and others, 2016 and 2018), CMRC 2018, DRCD.

::

    {"data": [{"title": …, "paragraphs": [{"context": …, "qas": [
        {"id": …, "question": …, "is_impossible": false, "answers": [{"text": …, "answer_start": 0}]}]}]}]}
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal

from eval.datasets.base import Question, QuestionSet, Span
from eval.datasets.splits import FILE, read_splits
from ragbot.documents import ParsedDocument
from ragbot.errors import SourceError
from ragbot.text import detect_language

Unit = Literal["article", "paragraph"]

#: What stands between the paragraphs of an article.
BLANK_LINE = "\n\n"


def article_source(stem: str, index: int) -> str:
    """The source name of an article of the file ``stem``; ``index`` counts from 0."""
    return f"{stem}/{index}"


def read_squad(path: Path, unit: Unit = "article") -> QuestionSet:
    """Read a file in SQuAD's format.

    Args:
        path: the file. Where ``splits.json`` lies beside it and names its stem, the parts are taken from there.
        unit: what a document is. ``article``: the article, its paragraphs joined by a blank line, as ``stem/index``.
            ``paragraph``: each paragraph, as ``stem/index/number``, without a title (the article's would tell
            its paragraphs from those of other articles); every question, the unanswerable ones too, then names its
            paragraph as ``relevant``. ``Question.document`` is the article in both: it is what resampling draws.

    Raises:
        SourceError: the file is missing, not of this format, or two of its questions have the same id.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))["data"]
        documents: dict[str, ParsedDocument] = {}
        questions: list[Question] = []
        for index, entry in enumerate(data):
            _read_article(path.stem, index, entry, unit, documents, questions)
    except OSError as error:
        raise SourceError(f"cannot read the question set {path}: {error.strerror}; check the path") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f'{path} is not in SQuAD\'s JSON format: {error!r}; it needs "data", in it "paragraphs" with "context" and "qas"'
        ) from error
    _check_ids(path, questions)
    return QuestionSet(path.stem, tuple(questions), documents, _parts(path))


def _read_article(
    stem: str,
    index: int,
    entry: dict[str, Any],
    unit: Unit,
    documents: dict[str, ParsedDocument],
    questions: list[Question],
) -> None:
    article = article_source(stem, index)
    contexts = [paragraph["context"] for paragraph in entry["paragraphs"]]
    whole = BLANK_LINE.join(contexts)
    language = detect_language(whole)
    if unit == "article":
        documents[article] = ParsedDocument(whole, title=entry.get("title", "").replace("_", " "), language=language)
    offset = 0
    for number, paragraph in enumerate(entry["paragraphs"]):
        context = contexts[number]
        source, base = article, offset
        if unit == "paragraph":
            source, base = f"{article}/{number}", 0
            documents[source] = ParsedDocument(context, language=detect_language(context))
        for qa in paragraph["qas"]:
            answers = [] if qa.get("is_impossible") else qa.get("answers", [])
            spans = dict.fromkeys(
                Span(source, base + start, base + end)
                for start, end in (_span(context, answer["text"], int(answer["answer_start"])) for answer in answers)
                if start < end
            )
            questions.append(
                Question(
                    id=str(qa["id"]),
                    text=qa["question"],
                    answers=tuple(dict.fromkeys(answer["text"] for answer in answers)),
                    answerable=bool(answers),
                    gold=(tuple(spans),) if spans else (),
                    relevant={source: 1} if unit == "paragraph" else {},
                    document=article,
                    language=detect_language(qa["question"]) or language,
                )
            )
        offset += len(context) + len(BLANK_LINE)


def _span(context: str, answer: str, start: int) -> tuple[int, int]:
    """Where an answer stands; ``(0, 0)`` if nowhere. Offsets of some sets are off: then the nearest occurrence."""
    if context[start : start + len(answer)] != answer or start < 0:
        places = [match.start() for match in re.finditer(re.escape(answer), context)]
        if not places:
            return 0, 0
        start = min(places, key=lambda place: abs(place - start))
    return start, start + len(answer)


def _check_ids(path: Path, questions: list[Question]) -> None:
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise SourceError(f"{path} has two questions with the id {question.id!r}; give each its own")
        seen.add(question.id)


def _parts(path: Path) -> dict[str, frozenset[str]]:
    if not (path.parent / FILE).is_file():
        return {}
    split = read_splits(path.parent).get(path.stem, {})
    return {part: frozenset(article_source(path.stem, index) for index in indices) for part, indices in split.items()}

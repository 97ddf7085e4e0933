"""Question sets to what a reranker learns from: what our own retriever finds, with the place of the answer in it."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval.datasets.base import Question, QuestionSet, Span
from ragbot.bot import RagBot
from ragbot.documents import Chunk
from ragbot.errors import SourceError
from ragbot.retrieval.reranking import contextualized

#: Hits that are kept of a question; hard negatives are drawn from them.
DEPTH = 40
#: Told how many questions are done, and of how many.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk as the reranker sees it (``text``, with its title in front), and the retriever's score.

    ``spans`` are the places ``(start, end)`` in ``text`` that hold the answer, empty where it holds none; ``rank``
    counts from 0, and is ``DEPTH`` for a chunk with the answer that was not among the hits.
    """

    text: str
    score: float
    rank: int
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """A question with its candidates: those with the answer, and those that are surely without it."""

    id: str
    set: str
    document: str
    question: str
    answers: tuple[str, ...]
    positives: tuple[Candidate, ...]
    negatives: tuple[Candidate, ...]


def rankings_of(bot: RagBot, questions: QuestionSet, progress: Progress | None = None) -> Iterator[Ranking]:
    """The questions about documents that ``bot`` holds, each with what is found for it.

    A hit that holds the words of an answer, but elsewhere than where the set says, may answer or not: it is left out.
    A question without an answer has negatives only. ``bot`` must hold no document that training must not see.
    """
    documents = {document.source: document for document in bot.documents()}
    chunks = functools.cache(lambda source: bot.kb.catalog.chunks_of(documents[source]))
    for done, question in enumerate(questions.questions):
        if progress:
            progress(done, len(questions.questions))
        if question.document not in documents:
            continue
        if question.answerable and not question.gold:
            continue  # nobody says where its answer stands
        hits = bot.retriever.search(question.text, DEPTH)
        gold = [span for item in question.gold for span in item]
        positives, negatives, seen = [], [], set[int]()
        for rank, hit in enumerate(hits):
            seen.add(hit.chunk.id)
            candidate = _candidate(hit.chunk, hit.score, rank, gold)
            if candidate.spans:
                positives.append(candidate)
            elif not _says(hit.chunk.text, question):
                negatives.append(candidate)
        for span in gold:
            for chunk in chunks(span.source):
                if chunk.start <= span.start and span.end <= chunk.end and chunk.id not in seen:
                    seen.add(chunk.id)
                    positives.append(_candidate(chunk, hits[-1].score if hits else 0.0, DEPTH, gold))
        if negatives and (positives or not question.answerable):
            yield Ranking(
                question.id,
                questions.name,
                question.document,
                question.text,
                question.answers,
                tuple(positives),
                tuple(negatives),
            )


def write_rankings(path: Path, rankings: Iterable[Ranking]) -> int:
    """Store rankings, one a line, all of them or none; returns how many."""
    count, temporary = 0, path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        for ranking in rankings:
            file.write(json.dumps(asdict(ranking), ensure_ascii=False) + "\n")
            count += 1
    os.replace(temporary, path)
    return count


def read_rankings(path: Path) -> list[Ranking]:
    """What :func:`write_rankings` stored. Raises SourceError."""
    try:
        with path.open(encoding="utf-8") as file:
            return [_ranking(json.loads(line)) for line in file]
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}; make it with ragbot train dataset") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path} holds no rankings ({error!r}); make it with ragbot train dataset") from error


def _ranking(raw: Mapping[str, Any]) -> Ranking:
    def candidates(name: str) -> tuple[Candidate, ...]:
        return tuple(
            Candidate(c["text"], c["score"], c["rank"], tuple((s, e) for s, e in c["spans"])) for c in raw[name]
        )

    fields = {name: raw[name] for name in ("id", "set", "document", "question")}
    return Ranking(
        **fields, answers=tuple(raw["answers"]), positives=candidates("positives"), negatives=candidates("negatives")
    )


def _candidate(chunk: Chunk, score: float, rank: int, gold: Iterable[Span]) -> Candidate:
    text = contextualized(chunk)
    front = len(text) - len(chunk.text) - chunk.start
    spans = tuple(
        (front + span.start, front + span.end)
        for span in gold
        if span.source == chunk.document.source and chunk.start <= span.start and span.end <= chunk.end
    )
    return Candidate(text, score, rank, spans)


def _says(text: str, question: Question) -> bool:
    folded = text.casefold()
    return any(answer.casefold() in folded for answer in question.answers)

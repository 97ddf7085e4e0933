"""The best hits read again by a reranker, which sees question and passage together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ragbot.documents import Chunk, ScoredChunk
from ragbot.models.rerankers.base import Reranker


def contextualized(chunk: Chunk) -> str:
    """The chunk's text below its document's title and its headings, as it was embedded."""
    title, path = chunk.document.title, chunk.headings
    front = " > ".join([title, *path[path[:1] == (title,) :]]) if title else " > ".join(path)
    return f"{front}\n{chunk.text}" if front else chunk.text


def rerank(reranker: Reranker, question: str, hits: Sequence[ScoredChunk], first: int) -> list[ScoredChunk]:
    """The ``first`` hits in the reranker's order, and then the others as they were.

    ``components`` gain ``rerank``, the model's score.
    """
    read = list(hits[:first])
    if not read:
        return list(hits)
    scores = reranker.score(question, [contextualized(hit.chunk) for hit in read])
    order = sorted(range(len(read)), key=lambda i: (-float(scores[i]), i))
    shown = [
        replace(read[i], components={**read[i].components, "rerank": float(scores[i])})
        for i in order
    ]
    return [*shown, *hits[first:]]

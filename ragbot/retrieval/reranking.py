"""The best hits read again by a reranker, which sees question and passage together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from ragbot.documents import Chunk, ScoredChunk
from ragbot.models.rerankers.base import Reranker

#: Hits that are read whatever they cost.
_AT_LEAST = 3


def contextualized(chunk: Chunk) -> str:
    """The chunk's text below its document's title and its headings, as it was embedded."""
    title, path = chunk.document.title, chunk.headings
    front = " > ".join([title, *path[path[:1] == (title,) :]]) if title else " > ".join(path)
    return f"{front}\n{chunk.text}" if front else chunk.text


def rerank(
    reranker: Reranker, question: str, hits: Sequence[ScoredChunk], first: int, tokens: int | None = None
) -> list[ScoredChunk]:
    """The ``first`` hits in the order of the reranker's score and their own, and then the others as they were.

    ``components`` gain ``rerank``, what they are ordered by: the model's score and, as far as it was made for that
    (:attr:`ragbot.models.rerankers.base.Reranker.search_weight`), the search's.

    Args:
        tokens: no more hits are read than fit into so many of the model's tokens, but three in any case.
    """
    read = list(hits[:first])
    texts = [contextualized(hit.chunk) for hit in read]
    if tokens is not None and texts:
        sizes = itertools.accumulate(reranker.count_tokens(question, texts))
        fitting = max(sum(size <= tokens for size in sizes), _AT_LEAST)
        read, texts = read[:fitting], texts[:fitting]
    if not read:
        return list(hits)
    scores = reranker.score(question, texts)
    sums = [float(score) + reranker.search_weight * hit.score for score, hit in zip(scores, read, strict=True)]
    order = sorted(range(len(read)), key=lambda i: (-sums[i], i))
    shown = [replace(read[i], components={**read[i].components, "rerank": sums[i]}) for i in order]
    return [*shown, *hits[len(read) :]]

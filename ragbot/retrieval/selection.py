"""Which of the best hits are shown: none that repeats a better one, and with a diversity above 0 not all of one kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ragbot.documents import Duplicate, ScoredChunk
from ragbot.models.embedders.base import Vectors
from ragbot.retrieval.fuse import Floats
from ragbot.retrieval.wording import Relation, Wording, likely

#: The best hits among which diversity chooses.
POOL = 50


#: Texts that were prepared for a comparison, by chunk id.
Wordings = dict[int, Wording]


def distinct(hits: Sequence[ScoredChunk], known: Wordings | None = None) -> list[ScoredChunk]:
    """The hits without those that repeat a better one, which gains them as its ``duplicates``.

    What counts as repeating says :meth:`ragbot.retrieval.wording.Wording.repeats`. A longer hit below a shorter one
    that it contains stays: it says more. Doing it twice is harmless, and further hits may be added in between;
    ``known`` keeps for the next time what was prepared for this one.
    """
    if len(hits) < 2:
        return list(hits)
    alike = likely([hit.chunk.text for hit in hits])
    wordings: Wordings = {} if known is None else known

    def wording(place: int) -> Wording:
        chunk = hits[place].chunk
        if chunk.id not in wordings:
            wordings[chunk.id] = Wording(chunk.text, "\n".join((chunk.document.title, *chunk.headings)))
        return wordings[chunk.id]

    kept: dict[int, list[Duplicate]] = {}
    for place, hit in enumerate(hits):
        for better in [other for other in np.flatnonzero(alike[place, :place]).tolist() if other in kept]:
            relation = wording(place).repeats(wording(better))
            if relation:
                kept[better] += [_duplicate(hit, relation), *hit.duplicates]
                break
        else:
            kept[place] = []
    return [
        replace(hits[place], duplicates=(*hits[place].duplicates, *new)) if new else hits[place]
        for place, new in kept.items()
    ]


def _duplicate(hit: ScoredChunk, relation: Relation) -> Duplicate:
    chunk = hit.chunk
    return Duplicate(
        chunk_id=chunk.id,
        source=chunk.document.source,
        title=chunk.document.title,
        page=chunk.page,
        start=chunk.start,
        end=chunk.end,
        relation=relation,
    )


def diversify(
    hits: Sequence[ScoredChunk], vectors: Mapping[int, Vectors], diversity: float, count: int
) -> list[ScoredChunk]:
    """The ``count`` hits of maximal marginal relevance, in the order in which they are chosen.

    Each time the one that maximises ``(1 - diversity) * relevance - diversity * similarity``, the similarity being
    that to the nearest of those chosen already (Carbonell & Goldstein, SIGIR 1998, with λ = 1 - diversity). Relevance
    is the score by which the hits are ordered, the similarity a cosine, both stretched to [0, 1] over these hits:
    an embedder's cosines lie close together.

    ``components`` gain ``diversity_rank``.

    Args:
        hits: best first.
        vectors: of unit length, by chunk id; a hit without one resembles nothing.
        diversity: in [0, 1].
    """
    if not hits:
        return []
    known = next(iter(vectors.values()), np.zeros(1, np.float32))
    rows = np.stack([vectors.get(hit.chunk.id, np.zeros_like(known)) for hit in hits])
    cosines = rows @ rows.T
    apart = ~np.eye(len(hits), dtype=bool)
    similar = _stretched(cosines, cosines[apart])
    relevance = _relevance(hits)
    chosen: list[int] = []
    nearest = np.zeros(len(hits), np.float32)
    left = np.ones(len(hits), bool)
    while len(chosen) < min(count, len(hits)):
        gain = np.where(left, (1 - diversity) * relevance - diversity * nearest, -np.inf)
        best = int(gain.argmax())  # of equals the better hit
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, similar[best])
    return [
        replace(hits[place], components={**hits[place].components, "diversity_rank": float(rank)})
        for rank, place in enumerate(chosen, 1)
    ]


def numbered(hits: Sequence[ScoredChunk]) -> list[ScoredChunk]:
    """The hits, of which those that a reranker has read gain ``rerank_rank``, their place from 1."""
    return [
        replace(hit, components={**hit.components, "rerank_rank": float(rank)}) if "rerank" in hit.components else hit
        for rank, hit in enumerate(hits, 1)
    ]


def _relevance(hits: Sequence[ScoredChunk]) -> Floats:
    """What the hits are ordered by, in [0, 1]: a reranker's score where it read all of them, else the fused one."""
    read = [hit.components.get("rerank") for hit in hits]
    scores = np.array([hit.score for hit in hits] if None in read else read, np.float32)
    return _stretched(scores, scores)


def _stretched(values: Floats, over: Floats) -> Floats:
    """``values`` so that the least of ``over`` is 0 and the greatest 1; zeros where these are all equal."""
    low, high = (float(over.min()), float(over.max())) if over.size else (0.0, 0.0)
    if high - low <= 0:
        return np.zeros_like(values)
    out: Floats = np.clip((values - low) / (high - low), 0, 1).astype(np.float32)
    return out

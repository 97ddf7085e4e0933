"""Several texts searched for one question, and what they find merged by normalised scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ragbot.models.embedders.base import Embedder, Vectors, normalized
from ragbot.retrieval.candidates import Candidates
from ragbot.retrieval.fuse import Floats


@dataclass(frozen=True, slots=True)
class Query:
    """A text to search for.

    Attributes:
        text: what is embedded, and whose words are looked up.
        weight: how much it counts beside the others, above 0; a weight of 0 leaves it out.
        passage: whether it is what a passage could say, and no question. It is then embedded as a document, and its
            vector is averaged into those of the questions (Gao et al., ACL 2023, "HyDE"); its words, which are a
            model's own, are not looked up.

    Raises:
        ValueError: the weight is negative, or no number.
    """

    text: str
    weight: float = 1.0
    passage: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.weight < float("inf"):
            raise ValueError(f"the weight of a query is a number from 0, not {self.weight}")


def questions_of(queries: Sequence[Query]) -> list[Query]:
    """Those whose words are looked up; the first query is among them whatever it is."""
    return [
        query
        for place, query in enumerate(queries)
        if place == 0 or (query.weight > 0 and not query.passage and query.text.strip())
    ]


def with_passages(embedder: Embedder, vectors: Sequence[Vectors], queries: Sequence[Query]) -> Sequence[Vectors]:
    """The vectors of the questions, of unit length, with those of the passages averaged into each; as they are without
    passages."""
    passages = [query for query in queries[1:] if query.passage and query.weight > 0 and query.text.strip()]
    if not passages:
        return vectors
    weights = np.array([[query.weight] for query in passages], np.float32)
    added = (weights * embedder.encode_documents([query.text for query in passages])).sum(axis=0)
    return [normalized(vector + added)[0] for vector in vectors]


def merge(found: Sequence[Candidates], weights: Sequence[float], about: Candidates) -> Candidates:
    """What several queries found, each chunk with its best weighted score (:func:`weighted`); all hold the same chunks.

    Args:
        found: by query, the question itself first.
        weights: of each query.
        about: whose ``parts`` the result has: the scores for the question as it was asked.

    Returns:
        Of several, ``parts`` gains ``query``: which of them, from 1, a score is of.
    """
    if len(found) == 1 and found[0] is about:
        return about
    place = np.argsort(about.ids)
    ids = about.ids[place]
    scaled = weighted(np.stack([one.fused[np.argsort(one.ids)] for one in found]), weights)
    fused = scaled.max(axis=0)
    order = np.lexsort((ids, -fused))
    parts = {name: values[place][order] for name, values in about.parts.items()}
    if len(found) > 1:
        parts["query"] = (scaled.argmax(axis=0)[order] + 1).astype(np.float32)
    return Candidates(ids[order], fused[order], parts)


def weighted(scores: Floats, weights: Sequence[float]) -> Floats:
    """Scores by query, each row times its weight and made as high as the first: best hits count alike.

    Of two questions in one, the one whose words are rarer has higher scores all along, and would fill the hits alone.
    Against the scores as they are, their sum, their softmax and the sum of reciprocal ranks this was the best on train
    and dev articles (docs/retrieval.md). A row without a score above 0 stays, and scores below 0 are not raised.
    """
    best = scores.max(axis=1, initial=0, keepdims=True)
    factors = np.array(weights, np.float32)[:, None] * np.where(best > 0, best[:1] / np.where(best > 0, best, 1), 1)
    out: Floats = np.where(scores > 0, scores * factors, scores).astype(np.float32)
    return out

"""Pseudo-relevance feedback on the dense side: the question's vector moved towards the best hits, for a second search."""

from __future__ import annotations

from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.embedders.base import Vectors, normalized
from ragbot.retrieval.candidates import Candidates

#: Rocchio's beta where feedback is wanted: of 20 settings the one that cost nothing on any set's train and dev
#: articles, while none gained significantly (eval/benchmarks/rewriting.py).
FEEDBACK = 0.1


def moved(kb: KnowledgeBase, vector: Vectors, found: Candidates, hits: int, weight: float) -> Vectors:
    """``vector + weight * mean(vectors of the best hits)``, of unit length (Rocchio 1971, without negatives).

    Of a cosine only the ratio of Rocchio's alpha and beta matters: alpha is 1, beta the weight.

    Args:
        vector: the question, of unit length.
        found: what it found.
        hits: how many of the best are taken for relevant; the vector stays where there are none.
    """
    _, relevant = kb.catalog.vectors_of(found.ids[:hits].tolist())
    if not len(relevant):
        return vector
    row: Vectors = normalized(vector + weight * relevant.mean(axis=0))[0]
    return row

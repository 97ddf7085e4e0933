"""How likely it is that the documents answer the question, from how far the best hits stand out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ragbot.documents import ScoredChunk
from ragbot.index.analysis import terms
from ragbot.index.knowledge_base import KnowledgeBase

#: Hits whose words count as found.
_HITS = 3
#: Logistic regression; fitted by eval/benchmarks/refusal.py on train and dev articles of the bench sets.
_INTERCEPT = -6.0
_WEIGHTS = {"dense_z": 1.0, "coverage": 4.0}


def features(kb: KnowledgeBase, question: str, hits: Sequence[ScoredChunk]) -> dict[str, float]:
    """What the confidence is made of: see the names in :data:`_WEIGHTS`."""
    words = sorted(set(terms(question)))
    count = len(kb.lexical)
    rarity = [
        math.log(1 + (count - n + 0.5) / (n + 0.5)) for n in kb.lexical.document_frequencies(words)
    ]
    total = sum(rarity) or 1.0
    found = set().union(*(terms(f"{' '.join(hit.chunk.headings)} {hit.chunk.document.title} {hit.chunk.text}") for hit in hits[:_HITS]))
    return {
        "dense": max((hit.components["dense"] for hit in hits), default=0.0),
        "dense_z": max((hit.components["dense_z"] for hit in hits), default=0.0),
        "lexical_z": max((hit.components["lexical_z"] for hit in hits), default=0.0),
        "coverage": sum(weight for word, weight in zip(words, rarity, strict=True) if word in found) / total,
        "size": math.log(1 + count),
    }


def confidence(kb: KnowledgeBase, question: str, hits: Sequence[ScoredChunk]) -> float:
    """Probability in [0, 1] that the documents answer ``question``; 0 where nothing was found."""
    if not hits:
        return 0.0
    values = features(kb, question, hits)
    return 1 / (1 + math.exp(-(_INTERCEPT + sum(weight * values[name] for name, weight in _WEIGHTS.items()))))

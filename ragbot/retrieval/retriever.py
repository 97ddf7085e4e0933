"""The hybrid retriever: dense beside lexical search, filters pushed into both, fused by normalised scores."""

from __future__ import annotations

import numpy as np

from ragbot.documents import ScoredChunk
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.embedders.base import Embedder
from ragbot.retrieval.fuse import Scale, fuse


class HybridRetriever:
    """Searches a knowledge base.

    Args:
        kb: where to search.
        embedder: the one that built it.
        dense_weight: weight of the dense score in [0, 1]; measured on the bench sets (docs/measurements.md).
        candidates: how many are taken from each index; both scores are computed for the union.
    """

    def __init__(self, kb: KnowledgeBase, embedder: Embedder, dense_weight: float = 0.7, candidates: int = 100) -> None:
        self._kb = kb
        self._embedder = embedder
        self._dense_weight = dense_weight
        self._candidates = candidates

    def search(self, question: str, top_k: int = 10, where: Filter | None = None) -> list[ScoredChunk]:
        """The ``top_k`` best chunks that pass ``where``, best first.

        ``components`` of a hit: ``dense`` (cosine), ``lexical`` (BM25), and both in standard deviations above the
        mean of the collection (``lexical_z``), or of the part of it in the same language (``dense_z``).

        Raises:
            ValueError: ``top_k`` is below 1.
        """
        if top_k < 1:
            raise ValueError(f"top_k is at least 1, not {top_k}")
        if not question.strip():
            return []
        query = self._embedder.encode_query(question)
        depth = max(self._candidates, top_k)
        with self._kb.lock:
            self._kb.refresh()
            allowed = None if where is None or where.empty else self._kb.catalog.chunk_ids(where)
            bm25 = self._kb.lexical.score(question)
            nearest = self._kb.vectors.nearest(query, depth, allowed)
            ids = np.union1d(nearest, bm25.top(depth, allowed))
            if not len(ids):
                return []
            dense, lexical = self._kb.vectors.of(query, ids), bm25.of(ids)
            dense_z = Scale(*self._kb.vectors.scales(query, ids)).standardize(dense)
        lexical_z = Scale(bm25.mean, bm25.deviation).standardize(lexical)
        scores = fuse(dense_z, lexical_z, self._dense_weight)
        order = np.lexsort((ids, -scores))[:top_k]
        chunks = self._kb.catalog.chunks(ids[order].tolist())
        return [
            ScoredChunk(
                chunk=chunks[int(ids[i])],
                score=float(scores[i]),
                components={
                    "dense": float(dense[i]),
                    "lexical": float(lexical[i]),
                    "dense_z": float(dense_z[i]),
                    "lexical_z": float(lexical_z[i]),
                },
            )
            for i in order
            if int(ids[i]) in chunks  # it may have been deleted by another process since
        ]

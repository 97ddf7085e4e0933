"""The hybrid retriever: dense beside lexical search, fused by normalised scores, read again by a reranker if there is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ragbot.documents import ScoredChunk
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.lexical import LexicalScores
from ragbot.models.cpu import cores
from ragbot.models.embedders.base import Embedder, Vectors
from ragbot.models.rerankers.base import Reranker
from ragbot.retrieval.candidates import Candidates, gather_all
from ragbot.retrieval.feedback import moved
from ragbot.retrieval.fuse import FusionName
from ragbot.retrieval.queries import Query, merge, questions_of, with_passages
from ragbot.retrieval.reranking import rerank
from ragbot.retrieval.selection import POOL, Wordings, distinct, diversify, numbered


@dataclass(frozen=True, slots=True)
class RetrievalOptions:
    """How a search is done.

    Attributes:
        dense_weight: weight of the dense score in [0, 1]; measured on the bench sets (docs/measurements.md).
        candidates: how many are taken from each index; both scores are computed for the union.
        rerank_candidates: how many of the best hits a reranker reads.
        rerank_tokens: no more of them than fit into so many tokens, but three in any case; None for no bound.
        feedback: how far a question's vector is moved towards the best hits before a second search; 0: not at all.
        feedback_hits: how many of the best hits that is.
        duplicates: whether hits that repeat a better one are left out (see :func:`ragbot.retrieval.selection.distinct`).
        diversity: how much hits that differ from those above are preferred, in [0, 1]; 0: not at all.
        fusion: ``z``, by standardized scores; ``rrf``, by rank alone, for comparison (``dense_weight`` has no part in it).
    """

    dense_weight: float = 0.7
    candidates: int = 100
    rerank_candidates: int = 20
    rerank_tokens: int | None = 4000
    feedback: float = 0.0
    feedback_hits: int = 3
    duplicates: bool = True
    diversity: float = 0.0
    fusion: FusionName = "z"


class HybridRetriever:
    """Searches a knowledge base.

    Args:
        kb: where to search.
        embedder: the one that built it.
        options: how.
        reranker: reads the best hits again, or what gives it when it is first needed; None leaves the order of the fusion.
    """

    def __init__(
        self,
        kb: KnowledgeBase,
        embedder: Embedder,
        options: RetrievalOptions | None = None,
        reranker: Reranker | Callable[[], Reranker | None] | None = None,
    ) -> None:
        self.options = options or RetrievalOptions()
        self._kb = kb
        self._embedder = embedder
        self._given = reranker
        # The words of a question are looked up while it is embedded, which leaves the interpreter to others.
        self._beside = ThreadPoolExecutor(cores(), thread_name_prefix="words")

    def search(self, question: str, top_k: int = 10, where: Filter | None = None) -> list[ScoredChunk]:
        """The ``top_k`` best chunks that pass ``where``, best first.

        ``components`` of a hit: ``dense`` (cosine), ``lexical`` (BM25), and both in standard deviations above the
        mean of the collection (``lexical_z``), or of the part of it in the same language (``dense_z``); the place
        among the candidates by each, from 1 (``dense_rank``, ``lexical_rank``), and by the fused score
        (``fused_rank``); what each adds to the score (``dense_part``, ``lexical_part``, and ``language_part`` where the document is in
        another language than the question); ``rerank`` and
        ``rerank_rank`` where a reranker read it; ``diversity_rank`` where the hits were chosen to differ. ``duplicates`` are hits that say the same.

        Raises:
            ValueError: ``top_k`` is below 1.
        """
        return self.search_many([Query(question)], top_k, where)

    def search_many(self, queries: Sequence[Query], top_k: int = 10, where: Filter | None = None) -> list[ScoredChunk]:
        """The same for a question that is searched for in several wordings, merged by the best score of each chunk.

        Args:
            queries: the question itself first: it is what a reranker reads, and what ``components`` are about. With
                several, ``query`` among these says which of them the score is of, from 1.

        Raises:
            ValueError: ``top_k`` is below 1.
        """
        if top_k < 1:
            raise ValueError(f"top_k is at least 1, not {top_k}")
        if not queries or not queries[0].text.strip():
            return []
        options = self.options
        reranker = self._given() if callable(self._given) else self._given
        first = options.rerank_candidates if reranker else 0
        hits = self._best(queries, max(top_k, first, POOL if options.diversity else 0), top_k, where)
        if reranker:
            hits = numbered(rerank(reranker, queries[0].text, hits, first, options.rerank_tokens))
        if options.diversity:
            # What the reranker has not read stands below what it has: the two are not compared.
            pool = sum("rerank" in hit.components for hit in hits) or max(top_k, POOL)
            hits = [*self._diverse(hits[:pool], top_k), *hits[pool:]]
        return hits[:top_k]

    def _best(self, queries: Sequence[Query], count: int, needed: int, where: Filter | None) -> list[ScoredChunk]:
        """The ``count`` best hits, of which none repeats a better one; it looks deeper until ``needed`` are found."""
        depth, before = max(self.options.candidates, needed), 0
        wordings: Wordings = {}  # of this search: a chunk's text may change between two
        while True:
            found = self._found(queries, depth, where)
            hits, read = self._hits(found, 0, count), count
            if not self.options.duplicates:
                return hits
            hits = distinct(hits, wordings)
            while len(hits) < count and read < len(found):
                more = 2 * (count - len(hits))
                hits, read = distinct([*hits, *self._hits(found, read, read + more)], wordings), read + more
            repeated = sum(len(hit.duplicates) for hit in hits)
            if len(hits) >= needed or repeated < len(found) // 2 or len(found) == before:
                return hits[:count]
            depth, before = 4 * depth, len(found)  # copies fill the candidates

    def _found(self, queries: Sequence[Query], top_k: int, where: Filter | None) -> Candidates:
        depth, options = max(self.options.candidates, top_k), self.options
        questions = questions_of(queries)
        texts = [query.text for query in questions]
        looked_up = self._beside.submit(self._words, texts, depth, where)
        own = [self._embedder.encode_query(text) for text in texts]
        # What has not begun, because many ask at once, is done when its turn comes.
        ahead = None if looked_up.cancel() else looked_up.result()

        def look(vectors: Sequence[Vectors]) -> list[Candidates]:
            asked = list(zip(texts, vectors, strict=True))
            # The hits tell how near they are to the question itself, wherever its vector was moved to.
            asked += [] if vectors is own else [(texts[0], own[0])]
            return gather_all(self._kb, asked, depth, options.dense_weight, where, options.fusion, ahead)

        vectors = with_passages(self._embedder, own, queries)
        found = look(vectors)
        if options.feedback:
            vectors = [
                moved(self._kb, vector, seen, options.feedback_hits, options.feedback)
                for vector, seen in zip(vectors, found, strict=False)
            ]
            found = look(vectors)
        about = found[0] if vectors is own else found[-1]
        return merge(found[: len(questions)], [query.weight for query in questions], about)

    def _words(self, texts: Sequence[str], depth: int, where: Filter | None) -> dict[str, LexicalScores]:
        scores = {text: self._kb.lexical.score(text) for text in texts}
        if where is None or where.empty:
            for one in scores.values():
                one.top(depth)  # which keeps it
        return scores

    def _hits(self, found: Candidates, begin: int, end: int) -> list[ScoredChunk]:
        ids = found.ids[begin:end].tolist()
        chunks = self._kb.catalog.chunks(ids)
        return [
            ScoredChunk(
                chunk=chunks[identity],
                score=float(found.fused[i]),
                components={**found.components(i), "fused_rank": float(i + 1)},
            )
            for i, identity in enumerate(ids, begin)
            if identity in chunks  # it may have been deleted by another process since
        ]

    def _diverse(self, hits: Sequence[ScoredChunk], count: int) -> list[ScoredChunk]:
        ids, vectors = self._kb.catalog.vectors_of(hit.chunk.id for hit in hits)
        return diversify(hits, dict(zip(ids.tolist(), vectors, strict=True)), self.options.diversity, count)

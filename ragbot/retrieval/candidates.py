"""What dense and lexical search find for one text, with both scores for the union, fused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.lexical import LexicalScores
from ragbot.index.segment import Ints
from ragbot.models.embedders.base import Vectors
from ragbot.retrieval.fuse import Floats, FusionName, Scale, fuse, reciprocal_ranks
from ragbot.retrieval.languages import foreign, raised, word_evidence


@dataclass(frozen=True)
class Candidates:
    """Chunks with their scores, best first; all arrays ``(n,)``.

    Attributes:
        ids: chunk ids.
        fused: what they are ordered by; equal scores by id.
        parts: the scores that it was made of, by the names that :class:`ragbot.documents.ScoredChunk` gives them.
    """

    ids: Ints
    fused: Floats
    parts: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.ids)

    def components(self, index: int) -> dict[str, float]:
        """The scores of one candidate by name."""
        return {name: float(values[index]) for name, values in self.parts.items()}


def gather(
    kb: KnowledgeBase,
    text: str,
    vector: Vectors,
    depth: int,
    dense_weight: float,
    where: Filter | None = None,
    fusion: FusionName = "z",
) -> Candidates:
    """The ``depth`` best of each index that pass ``where``, with both scores for all of them.

    Args:
        vector: ``text`` as a query, embedded.
        depth: how many are taken from each index.
        fusion: ``z``, by standardized scores and ``dense_weight``; ``rrf``, by rank alone.
    """
    return gather_all(kb, [(text, vector)], depth, dense_weight, where, fusion)[0]


def gather_all(
    kb: KnowledgeBase,
    asked: Sequence[tuple[str, Vectors]],
    depth: int,
    dense_weight: float,
    where: Filter | None = None,
    fusion: FusionName = "z",
    ahead: Mapping[str, LexicalScores] | None = None,
) -> list[Candidates]:
    """The same for several texts, each with its vector: what is found for any of them is scored for each.

    One state of the indexes answers all.

    Args:
        ahead: lexical scores by text, where they were made before; those of another state are made again.
    """
    with kb.lock:
        kb.refresh()
        allowed = None if where is None or where.empty else kb.catalog.chunk_ids(where)
        by_text = {text: one for text, one in (ahead or {}).items() if kb.lexical.current(one)}
        by_text |= {
            text: kb.lexical.score(text) for text in dict.fromkeys(text for text, _ in asked) if text not in by_text
        }
        scores = [by_text[text] for text, _ in asked]
        ids = np.empty(0, np.int64)
        for (_, vector), bm25 in zip(asked, scores, strict=True):
            nearest = kb.vectors.nearest(vector, depth, allowed)
            ids = np.union1d(ids, np.union1d(nearest, bm25.top(depth, allowed)))
        return [
            _scored(kb, ids, text, vector, bm25, dense_weight, fusion)
            for (text, vector), bm25 in zip(asked, scores, strict=True)
        ]


def _scored(
    kb: KnowledgeBase,
    ids: Ints,
    text: str,
    vector: Vectors,
    bm25: LexicalScores,
    dense_weight: float,
    fusion: FusionName,
) -> Candidates:
    """These chunks with both scores, fused."""
    dense, lexical = kb.vectors.of(vector, ids), bm25.of(ids)
    means, deviations = kb.vectors.scales(vector, ids)
    dense_z = Scale(means, deviations).standardize(dense)
    lexical_z = Scale(bm25.mean, bm25.deviation).standardize(lexical)
    language_part = np.zeros(len(ids), np.float32)
    if fusion == "rrf":
        dense_part = reciprocal_ranks(_ranks(dense, ids), np.ones(len(ids), bool))
        fused = dense_part + reciprocal_ranks(_ranks(lexical, ids), lexical > 0)
    else:
        apart = foreign(kb.vectors.groups_of(ids), text)
        words = word_evidence(kb.lexical, ids, text, bm25, apart)
        plain = fuse(dense_z, words, dense_weight)
        fused = raised(plain, apart)
        language_part = fused - plain
        dense_part = dense_weight * dense_z if words.any() else dense_z
    order = np.lexsort((ids, -fused))
    parts = {
        "dense": dense,
        "lexical": lexical,
        "dense_z": dense_z,
        "lexical_z": lexical_z,
        "dense_rank": _ranks(dense, ids),
        "lexical_rank": _ranks(lexical, ids),
        # What each adds to the fused score, for people who ask why.
        "dense_part": dense_part,
        "lexical_part": fused - dense_part - language_part,
        "language_part": language_part,
    }
    return Candidates(ids[order], fused[order], {name: values[order] for name, values in parts.items()})


def _ranks(scores: Floats, ids: Ints) -> npt.NDArray[np.float32]:
    """The place of each among the candidates, from 1."""
    ranks = np.empty(len(scores), np.float32)
    ranks[np.lexsort((ids, -scores))] = np.arange(1, len(scores) + 1)
    return ranks

"""All scores of a collection for a question, and what a ranking of its chunks finds."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eval.datasets.base import Question
from ragbot.bot import RagBot
from ragbot.index.lexical import K1, B
from ragbot.retrieval.fuse import Floats, Scale
from ragbot.retrieval.languages import portable, question_language, scaled

#: From a text to its terms.
Analysis = Callable[[str], list[str]]
Mask = npt.NDArray[np.bool_]

METRICS = ("recall@500", "recall@1000", "MRR@10")
_DEPTH = 40


@dataclass(frozen=True)
class Scores:
    """What is known of one question; arrays are over all chunks.

    ``portable`` is the lexical score of the words that mean the same in any language. ``ceiling`` is the lexical score
    of a chunk that holds each term once.
    """

    dense: Floats
    dense_z: Floats
    lexical: Floats
    portable: Floats
    ceiling: float
    foreign: Mask

    @property
    def lexical_z(self) -> Floats:
        """The lexical score in standard deviations above its mean."""
        return _scale(self.lexical).standardize(self.lexical)

    @property
    def words(self) -> Floats:
        """What :func:`ragbot.retrieval.languages.word_evidence` makes of them."""
        words = np.zeros(len(self.lexical), np.float32)
        for scores, some in ((self.lexical, ~self.foreign), (self.portable, self.foreign)):
            words[some] = scaled(scores[some], _scale(scores), self.ceiling)
        return words

    @property
    def best(self) -> float:
        """The highest lexical score."""
        return float(self.lexical.max(initial=0))


def _scale(scores: Floats) -> Scale:
    return Scale(float(scores.mean()), float(scores.std()))


class Bm25:
    """BM25 as :mod:`ragbot.index.lexical` has it, over any terms and with any constants."""

    def __init__(self, texts: Sequence[str], analysis: Analysis, k1: float = K1, b: float = B) -> None:
        self._analysis = analysis
        self._count = len(texts)
        counted = [Counter(analysis(text)) for text in texts]
        lengths = np.array([sum(terms.values()) for terms in counted], np.float32)
        norms = k1 * (1 - b + b * lengths / (lengths.mean() or 1))
        postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for row, terms in enumerate(counted):
            for term, often in terms.items():
                postings[term].append((row, often))
        self._weights: dict[str, tuple[npt.NDArray[np.intp], Floats]] = {}
        for term, places in postings.items():
            rows, times = np.array([row for row, _ in places]), np.array([n for _, n in places], np.float32)
            gained = self._rarity(len(rows)) * (k1 + 1) * times / (times + norms[rows])
            self._weights[term] = rows, gained.astype(np.float32)

    def score(self, question: str) -> tuple[Floats, float]:
        """The score of each text, and the ceiling (see :func:`ragbot.retrieval.languages.ceiling`)."""
        scores, ceiling = np.zeros(self._count, np.float32), 0.0
        for term in set(self._analysis(question)):
            rows, gained = self._weights.get(term, (np.empty(0, np.intp), np.empty(0, np.float32)))
            scores[rows] += gained
            ceiling += self._rarity(len(rows))
        return scores, ceiling

    def _rarity(self, frequency: int) -> float:
        return math.log(1 + (self._count - frequency + 0.5) / (frequency + 0.5))


class Collection:
    """The chunks of a knowledge base, in order of their ids."""

    def __init__(self, bot: RagBot) -> None:
        self._bot = bot
        self.ids = bot.kb.vectors.ids()
        chunks = bot.kb.catalog.chunks(self.ids.tolist())
        ordered = [chunks[number] for number in self.ids.tolist()]
        self.places = [(chunk.document.source, chunk.start, chunk.end) for chunk in ordered]
        self.languages = np.array([chunk.document.language for chunk in ordered])
        by_id: dict[int, str] = {}
        for changes in bot.kb.catalog.changes(0):
            by_id.update(zip(changes.added, changes.texts, strict=True))
        #: What is indexed of each: title and headings stand in front.
        self.texts = [by_id[number] for number in self.ids.tolist()]

    def scores(self, question: str, index: Bm25) -> Scores:
        """All scores for a question."""
        vector = self._bot.embedder.encode_query(question)
        dense = self._bot.kb.vectors.of(vector, self.ids)
        dense_z = Scale(*self._bot.kb.vectors.scales(vector, self.ids)).standardize(dense)
        lexical, ceiling = index.score(question)
        own = question_language(question)
        known, _ = index.score(portable(question))
        return Scores(dense, dense_z, lexical, known, ceiling, (self.languages != own) & (self.languages != ""))

    def found(self, question: Question, fused: Floats) -> tuple[float, float, float]:
        """For one question, the :data:`METRICS` of a ranking by ``fused``; equal scores by id.

        Recall is whether a gold span lies within the first 500 or 1,000 characters of the hits, in order and not
        joined; MRR is of the first hit that holds one whole.
        """
        best = np.argpartition(-fused, min(_DEPTH, len(fused) - 1))[:_DEPTH]
        best = best[np.lexsort((best, -fused[best]))]
        used, first = 0, 0
        within = [False, False]
        for rank, (source, start, end) in enumerate((self.places[row] for row in best.tolist()), 1):
            for span in question.gold[0]:
                if span.source == source and start <= span.start:
                    if span.end <= end and not first:
                        first = rank
                    for number, budget in enumerate((500, 1000)):
                        within[number] |= span.end <= min(end, start + budget - used)
            used += end - start
        return float(within[0]), float(within[1]), 1 / first if 0 < first <= 10 else 0.0

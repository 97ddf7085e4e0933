"""How near two sentences are in meaning, by an embedder: for a claim in other words than its source, or another language."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ragbot.generation.verification.yardstick import SENTENCES
from ragbot.models.embedders.base import normalized

if TYPE_CHECKING:
    from ragbot.generation.verification.reading import Reading
    from ragbot.models.embedders.base import Embedder, Vectors

#: Sentences whose vectors are kept: 6 MB at 384 dimensions.
KEPT = 4096
#: An embedder serves where it tells nearly all wordings of one thing from those of different things.
_TELLS = 0.9
#: A cosine above this is 1, but for rounding.
_EQUAL = 0.999


@dataclass(frozen=True, slots=True)
class Scale:
    """Cosines of an embedder on a scale: 0 (about different things), 1 (two wordings of one), 2 (the same)."""

    different: float
    same: float

    def level(self, cosine: float) -> float:
        """Where a cosine lies on it; below 0 are those of even less in common."""
        if cosine < self.same or self.same > _EQUAL:
            return (cosine - self.different) / (self.same - self.different) + (cosine > _EQUAL)
        return 1 + (cosine - self.same) / (1 - self.same)


class Aligner:
    """Compares sentences by meaning. One serves all answers: it keeps the vectors of the sentences it saw last.

    What all sentences of a language have in common is taken off their vectors: without it, those of both languages lie
    in one place (Mu and Viswanath 2018, "All-but-the-Top"; by language: Libovicky et al. 2020, "On the Language
    Neutrality of Pre-trained Multilingual Representations", section 3).

    Args:
        embedder: of the knowledge base, or another. Claims and sources are embedded alike, as documents.
        kept: sentences whose vectors are kept.
    """

    def __init__(self, embedder: Embedder, kept: int = KEPT) -> None:
        self._embedder = embedder
        self._kept = kept
        self._vectors: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    def cosines(self, claim: Reading, sentences: Sequence[Reading]) -> list[float]:
        """Of the claim with each sentence. Those that are new are embedded in one call, together with the claim.

        Raises:
            RagbotError: the embedder fails.
        """
        vectors = self._embedded([claim, *sentences])
        return [float(value) for value in vectors[1:] @ vectors[0]]

    @cached_property
    def across(self) -> Scale | None:
        """For a claim and a source in different languages; None where the embedder does not tell translations."""
        english, chinese = self._wordings
        return _scale([(one, other) for one in english for other in chinese])

    @cached_property
    def within(self) -> Scale | None:
        """For a claim in its source's language; None where the embedder does not tell other wordings."""
        english, chinese = self._wordings
        return _scale([(english[0], english[1]), (chinese[0], chinese[1])])

    @cached_property
    def _measured(self) -> list[Vectors]:
        """The yardstick's vectors by wording: ``(sentences, dimension)`` each."""
        rows = self._embedder.encode_documents([text for wordings in SENTENCES for text in wordings])
        return [rows[number::4] for number in range(4)]

    @cached_property
    def _means(self) -> tuple[Vectors, Vectors]:
        """What the vectors of English sentences have in common, and those of Chinese ones."""
        rows = self._measured
        return np.concatenate(rows[:2]).mean(axis=0), np.concatenate(rows[2:]).mean(axis=0)

    @cached_property
    def _wordings(self) -> tuple[list[Vectors], list[Vectors]]:
        rows = self._measured
        return [self._centred(item, False) for item in rows[:2]], [self._centred(item, True) for item in rows[2:]]

    def _centred(self, vectors: Vectors, chinese: bool) -> Vectors:
        return normalized(vectors - self._means[chinese])

    def _embedded(self, readings: Sequence[Reading]) -> Vectors:
        with self._lock:
            known = {item.shown: self._vectors[item.shown] for item in readings if item.shown in self._vectors}
        new = {item.shown: item for item in readings if item.shown not in known}
        if new:
            rows = self._embedder.encode_documents(list(new))
            known |= {
                text: self._centred(row, item.chinese)[0] for row, (text, item) in zip(rows, new.items(), strict=True)
            }
        with self._lock:
            for item in readings:
                self._vectors[item.shown] = known[item.shown]
                self._vectors.move_to_end(item.shown)
            while len(self._vectors) > self._kept:
                self._vectors.popitem(last=False)
        return np.stack([known[item.shown] for item in readings])


def _scale(pairs: Sequence[tuple[Vectors, Vectors]]) -> Scale | None:
    """From wordings of the same sentences, row by row."""
    tables = [one @ other.T for one, other in pairs]
    same = np.concatenate([table.diagonal() for table in tables])
    different = np.concatenate([table[~np.eye(len(table), dtype=bool)] for table in tables])
    # The share of sentences that are nearest to their own other wording.
    told = np.mean([table.argmax(axis=1) == np.arange(len(table)) for table in tables])
    if told < _TELLS or same.mean() <= different.mean():
        return None
    return Scale(float(different.mean()), float(same.mean()))

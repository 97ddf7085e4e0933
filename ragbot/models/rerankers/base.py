"""The contract of a reranker: one number for a question and a passage that were read together."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from ragbot.errors import ModelNotFoundError, RagbotError
from ragbot.models.embedders.base import estimate_tokens

Floats = npt.NDArray[np.float32]


class Reranker(abc.ABC):
    """Scores passages by how well they answer a question. Threads may share one; it is also a context manager."""

    #: For people, and for --explain.
    name: str
    #: How much of the search's own score, in standard deviations, is added to a logit before hits are ordered.
    search_weight: float = 0.0

    @abc.abstractmethod
    def score(self, question: str, passages: Sequence[str]) -> Floats:
        """Relevance of each passage: ``(len(passages),)`` float32 logits, comparable within one model; higher is better.

        The same pair has the same score whatever stands beside it, up to the rounding of the model's precision.

        Raises:
            RagbotError: the model gave something that is no score.
        """

    def close(self) -> None:  # noqa: B027  # a backend that holds nothing has nothing to do
        """Let go of memory and threads; a second call does nothing. It cannot score after that."""

    def count_tokens(self, question: str, passages: Sequence[str]) -> list[int]:
        """Tokens that the model reads for each pair; an estimate where the backend has no tokenizer of its own."""
        asked = estimate_tokens(question)
        return [asked + estimate_tokens(passage) for passage in passages]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def logits(rows: npt.ArrayLike, count: int, name: str) -> Floats:
    """One logit for each of ``count`` pairs, from what a cross-encoder gives.

    A model with two outputs is a classifier (irrelevant, relevant): its log odds are their difference.

    Raises:
        ModelNotFoundError: it has another number of outputs and is no reranker.
        RagbotError: a score is not a number, or there are more or fewer of them than pairs.
    """
    array = np.asarray(rows, np.float32)
    if count == 0:
        return np.empty(0, np.float32)
    array = array.reshape(len(array), -1) if array.ndim else array.reshape(1, 1)
    if len(array) != count:
        raise RagbotError(f"the reranker {name} gave {len(array)} scores for {count} passages: choose another one")
    if array.shape[1] not in {1, 2}:
        raise ModelNotFoundError(
            f"{name} gives {array.shape[1]} numbers for a pair, and a reranker one (or two: irrelevant and relevant): "
            "choose a cross-encoder made for ranking, such as BAAI/bge-reranker-v2-m3"
        )
    scores: Floats = array[:, 0] if array.shape[1] == 1 else array[:, 1] - array[:, 0]
    if not np.isfinite(scores).all():
        raise RagbotError(
            f"the reranker {name} gave a score that is not a number: its precision is too small for it (dtype=float32 "
            "helps), or its weights are damaged"
        )
    return np.ascontiguousarray(scores)

"""Late interaction (Khattab & Zaharia, "ColBERT", 2020): each word of the question looks for its match in the passage.

Question and passage are read apart, and every token has a vector. A question's token is worth the cosine of its best
match among the passage's tokens, and the score is their weighted mean. What is learned is small: the middle of the
space, a matrix that says which directions matter, and how much each token of a question weighs. With the identity for
the matrix and equal weights it ranks without any training.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ragbot.errors import ModelNotFoundError
from ragbot.models.rerankers.base import Floats

FILE = "reranker.safetensors"


@dataclass(frozen=True)
class LateInteraction:
    """The learned part; arrays are float32.

    Attributes:
        middle: what is taken from every state, ``(d,)``.
        matrix: what it is multiplied with, ``(d, d)``.
        weight: how much a token of the question weighs: the softmax over ``weight @ (state - middle)``, ``(d,)``.
        scale: what the mean cosine is multiplied with, ``()``.
        search_weight: how much of the search's own score belongs to the sum of both, ``()``.
    """

    middle: Floats
    matrix: Floats
    weight: Floats
    scale: Floats
    search_weight: Floats

    def question(self, states: Floats) -> tuple[Floats, Floats]:
        """Unit vectors ``(tokens, d)`` of a question and the weights of its tokens ``(tokens,)``, which sum to 1."""
        logits = (states - self.middle) @ self.weight
        shares = np.exp(logits - logits.max(initial=-np.inf))
        return self.passage(states), (shares / shares.sum()).astype(np.float32)

    def passage(self, states: Floats) -> Floats:
        """Unit vectors ``(tokens, d)`` of a passage."""
        projected = (states - self.middle) @ self.matrix.T
        unit: Floats = projected / np.maximum(np.linalg.norm(projected, axis=1, keepdims=True), 1e-12)
        return unit

    def score(self, question: tuple[Floats, Floats], passage: Floats) -> float:
        """How well the passage answers; a text without words is worth nothing at all."""
        vectors, shares = question
        if not len(vectors) or not len(passage):
            return -float(self.scale)
        return float(self.scale) * float(shares @ (vectors @ passage.T).max(axis=1))

    @classmethod
    def load(cls, folder: Path) -> LateInteraction:
        """What :meth:`save` stored. Raises ModelNotFoundError."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = folder / FILE
        advice = "set retrieval.reranker to none, or train one with ragbot train reranker"
        if not path.is_file():
            raise ModelNotFoundError(f"there is no reranker in {folder} ({FILE} is missing): {advice}")
        try:
            tensors = load_file(path)
            found = cls(**{field.name: tensors[field.name].astype(np.float32) for field in fields(cls)})
            size = len(found.middle)
            shapes = {"middle": (size,), "matrix": (size, size), "weight": (size,), "scale": (), "search_weight": ()}
            for name, shape in shapes.items():
                array = getattr(found, name)
                if array.shape != shape or not np.isfinite(array).all():
                    raise ValueError(f"{name} has the shape {array.shape}, or values that are no numbers")
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            raise ModelNotFoundError(f"{path} is no reranker of ours ({error!r}): {advice}") from error
        return found

    def save(self, folder: Path) -> None:
        """Store it in ``folder``, the matrix in float16."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {field.name: np.array(getattr(self, field.name), order="C") for field in fields(self)}
        save_file({**tensors, "matrix": tensors["matrix"].astype(np.float16)}, folder / FILE)

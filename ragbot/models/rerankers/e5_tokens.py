"""Questions and passages as tokens of multilingual-e5-small, with the place of each token in its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ragbot.models.embedders.e5_onnx import BundledE5
from ragbot.models.hf import encodable

#: Longest passage and longest question, in tokens; what is longer is cut.
MAX_PASSAGE, MAX_QUESTION = 512, 96
_QUESTION, _PASSAGE = "query: ", "passage: "

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PlacedTokens:
    """Token ids of a text, and which of its characters each of its own tokens stands for.

    ``ids[first : first + len(offsets)]`` are the text's own tokens, without prefix and special tokens; ``offsets`` has
    a row ``(start, end)`` for each, in code points of the text.
    """

    ids: Ids
    first: int
    offsets: npt.NDArray[np.int32]


class PlacedTokenizer:
    """Makes token ids of questions and passages.

    Args:
        folder: where the bundled embedder was built (``tokenizer.json``, ``normalization.npz``).
    """

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        table = np.load(folder / "normalization.npz")
        self._normalization: dict[int, str] = dict(zip(table["codes"].tolist(), table["texts"].tolist(), strict=True))

    @classmethod
    def bundled(cls) -> PlacedTokenizer:
        """That of the bundled embedder, which is built first if need be. Raises ModelNotFoundError."""
        return cls(BundledE5.folder())

    def question(self, text: str) -> PlacedTokens:
        """Tokens of a question."""
        return self._placed([text], _QUESTION, MAX_QUESTION)[0]

    def passages(self, texts: Sequence[str]) -> list[PlacedTokens]:
        """Tokens of passages."""
        return self._placed(texts, _PASSAGE, MAX_PASSAGE)

    def _placed(self, texts: Sequence[str], prefix: str, most: int) -> list[PlacedTokens]:
        normal = [self._normal(prefix + text[: 40 * most]) for text in texts]
        found = []
        for encoding, (_, places) in zip(self._tokenizer.encode_batch([t for t, _ in normal]), normal, strict=True):
            ids, spans = encoding.ids, encoding.offsets[1:-1]
            if len(ids) > most:
                ids, spans = [*ids[: most - 1], ids[-1]], spans[: most - 2]
            offsets = places[np.array(spans, np.int64).reshape(-1, 2)] - len(prefix)
            own = int((offsets[:, 1] <= 0).sum())  # the tokens of the prefix
            placed = np.maximum(offsets[own:], 0).astype(np.int32)
            found.append(PlacedTokens(np.array(ids, np.int64), 1 + own, placed))
        return found

    def _normal(self, text: str) -> tuple[str, npt.NDArray[np.int64]]:
        """The text as the tokenizer wants it, and for each place in it (and its end) the place in ``text``."""
        text = encodable(text)
        pieces = [self._normalization.get(ord(character), character) for character in text]
        if all(len(piece) == 1 for piece in pieces):
            return "".join(pieces), np.arange(len(text) + 1)
        lengths = np.array([len(piece) for piece in pieces])
        return "".join(pieces), np.append(np.repeat(np.arange(len(text)), lengths), len(text))

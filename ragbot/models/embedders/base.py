"""The contract of an embedder: LangChain's ``Embeddings``, with a NumPy fast path beside it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

Vectors = npt.NDArray[np.float32]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Fingerprint:
    """What makes two embedders interchangeable for one index; stored in the knowledge base and compared on open."""

    name: str
    dimension: int
    query_prefix: str
    document_prefix: str
    normalized: bool
    quantization: str

    def as_dict(self) -> dict[str, str | int | bool]:
        """The fields, for storing as JSON."""
        return asdict(self)


class Embedder(Embeddings):
    """Text to vectors of unit length. A query and a document are embedded differently (prefixes), so there are two
    operations; the same text gives the same vector whatever stands beside it in a batch."""

    fingerprint: Fingerprint
    #: The longest text, in tokens, that is embedded whole; the rest of a longer one is not seen.
    max_tokens: int

    @abstractmethod
    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Embed passages: ``(len(texts), dimension)`` float32; ``progress(n)`` is called as texts are done."""

    @abstractmethod
    def encode_query(self, text: str) -> Vectors:
        """Embed one question: ``(dimension,)`` float32."""

    @abstractmethod
    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text without prefix and special tokens, as the model counts them."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """LangChain's name for :meth:`encode_documents`."""
        rows: list[list[float]] = self.encode_documents(texts).tolist()
        return rows

    def embed_query(self, text: str) -> list[float]:
        """LangChain's name for :meth:`encode_query`."""
        row: list[float] = self.encode_query(text).tolist()
        return row


def normalized(vectors: npt.ArrayLike) -> Vectors:
    """Rows scaled to unit length; a row of zeros stays one."""
    array = np.atleast_2d(np.asarray(vectors, np.float32))
    lengths = np.linalg.norm(array, axis=1, keepdims=True)
    lengths[lengths == 0] = 1.0
    scaled: Vectors = array / lengths
    return scaled


def estimate_tokens(text: str) -> int:
    """Tokens of ``text`` where the model's tokenizer is out of reach: one for a Han character, one for four others."""
    han = sum("\u3400" <= character <= "\u9fff" for character in text)
    return han + (len(text) - han + 3) // 4

"""An embedder that remembers what it embedded: the same documents are cut and searched many times over."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from ragbot.models.embedders.base import Embedder, Progress, Vectors


class RememberingEmbedder(Embedder):
    """Another embedder, with its vectors of passages kept in memory (1.5 KB each at 384 dimensions).

    Args:
        embedder: the one that embeds; equal texts give equal vectors, which the contract promises.
        most: vectors that are kept; when there are more, all are forgotten.
    """

    def __init__(self, embedder: Embedder, most: int = 400_000) -> None:
        self.fingerprint = embedder.fingerprint
        self.max_tokens = embedder.max_tokens
        self._embedder = embedder
        self._most = most
        self._known: dict[bytes, Vectors] = {}

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """See :class:`ragbot.models.embedders.base.Embedder`."""
        keys = [hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts]
        known = self._known
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if progress and len(fresh) < len(texts):
            progress(len(texts) - len(fresh))
        if fresh:
            if len(known) + len(fresh) > self._most:
                known = self._known = {key: known[key] for key in keys if key in known}
            known.update(zip(fresh, self._embedder.encode_documents(list(fresh.values()), progress), strict=True))
        if not keys:
            return np.empty((0, self.fingerprint.dimension), np.float32)
        return np.stack([known[key] for key in keys])

    def encode_query(self, text: str) -> Vectors:
        """See :class:`ragbot.models.embedders.base.Embedder`."""
        return self._embedder.encode_query(text)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See :class:`ragbot.models.embedders.base.Embedder`."""
        return self._embedder.count_tokens(texts)

"""An embedder whose vectors are kept in a file, so that a long benchmark can be stopped and started again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ragbot.models.embedders.base import Embedder, Progress, Vectors

_KEY_BYTES = 16


class StoredEmbedder(Embedder):
    """Another embedder, with its vectors of passages and questions kept by the hash of what was embedded.

    The file is a list of records (hash, float32 vector) that grows at its end; one that was cut short is ignored.

    Args:
        embedder: the one that embeds; the hashes name it too, so that one file may serve several.
        file: made if it does not exist; its folder has to.
    """

    def __init__(self, embedder: Embedder, file: Path) -> None:
        self.fingerprint = embedder.fingerprint
        self.max_tokens = embedder.max_tokens
        self._embedder = embedder
        self._file = file
        self._salt = repr(embedder.fingerprint).encode()
        self._record = np.dtype([("key", f"V{_KEY_BYTES}"), ("vector", np.float32, (self.fingerprint.dimension,))])
        whole = file.stat().st_size // self._record.itemsize if file.exists() else 0
        stored = np.fromfile(file, self._record, whole) if whole else np.empty(0, self._record)
        self._known: dict[bytes, Vectors] = {bytes(record["key"]): record["vector"] for record in stored}
        if file.exists():
            with file.open("r+b") as opened:
                opened.truncate(whole * self._record.itemsize)

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """See :class:`ragbot.models.embedders.base.Embedder`."""
        keys = [self._key("passage", text) for text in texts]
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if progress and len(fresh) < len(texts):
            progress(len(texts) - len(fresh))
        if fresh:
            self._add(list(fresh), self._embedder.encode_documents(list(fresh.values()), progress))
        if not keys:
            return np.empty((0, self.fingerprint.dimension), np.float32)
        return np.stack([self._known[key] for key in keys])

    def encode_query(self, text: str) -> Vectors:
        """See :class:`ragbot.models.embedders.base.Embedder`."""
        key = self._key("query", text)
        if key not in self._known:
            self._add([key], self._embedder.encode_query(text)[None])
        return self._known[key]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See :class:`ragbot.models.embedders.base.Embedder`."""
        return self._embedder.count_tokens(texts)

    def _key(self, kind: str, text: str) -> bytes:
        digest = hashlib.blake2b(f"{kind}\0{text}".encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES)
        digest.update(self._salt)
        return digest.digest()

    def _add(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        records = np.empty(len(keys), self._record)
        for record, key, vector in zip(records, keys, vectors, strict=True):
            record["key"], record["vector"] = key, vector
            self._known[key] = vector
        with self._file.open("ab") as file:
            records.tofile(file)

"""The catalog's embeddings by chunk, and what an index of an older state lacks; each read compares checksums."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ragbot.errors import CorruptError
from ragbot.index.archives import ArchiveStates
from ragbot.models.embedders.base import Fingerprint, Vectors

Ids = npt.NDArray[np.int64]
#: SQLite takes at most 32,766 variables in a statement.
_BATCH = 10_000
_FINGERPRINT = "embedder"
#: What to do where removing rows does not help.
HOPELESS = (
    "restore it from a backup (ragbot kb import FILE --kb NEW), or ingest the documents into a new one (--kb NEW)"
)


class StoredEmbeddings(ArchiveStates):
    """The part of :class:`ragbot.index.catalog.Catalog` that reads embeddings."""

    def fingerprint(self) -> Fingerprint:
        """The embedding model. Raises CorruptError where it cannot be read."""
        try:
            return Fingerprint(**json.loads(self.get(_FINGERPRINT) or ""))
        except (ValueError, TypeError) as error:
            raise CorruptError(
                f"{self.path} does not say which embedder built it, without which nobody can search it: {HOPELESS}"
            ) from error

    def embeddings_of(self, hashes: Iterable[bytes]) -> dict[bytes, Vectors]:
        """Embeddings that exist already, by the hash of what was embedded."""
        sql = "SELECT embedded_hash, embedding, embedding_checksum FROM chunks WHERE embedded_hash IN ({}) GROUP BY embedded_hash"
        return {row[0]: self._vector(row[1], row[2]) for row in self._by_ids(sql, list(set(hashes)))}

    def vectors_of(self, ids: Iterable[int]) -> tuple[Ids, Vectors]:
        """Those of these chunks that exist, ascending, and their embeddings. Raises CorruptError on a bad row."""
        sql = "SELECT id, embedding, embedding_checksum FROM chunks WHERE id IN ({})"
        rows = sorted(self._by_ids(sql, list(ids)))
        vectors = [self._vector(row[1], row[2]) for row in rows]
        found = np.array([row[0] for row in rows], np.int64)
        return found, np.stack(vectors) if vectors else np.empty((0, 0), np.float32)

    def lag(self, seq: int) -> tuple[Ids, int]:
        """What an index of change ``seq`` lacks: ids of the chunks added since, ascending, and how many were removed."""
        added = self._query("SELECT id FROM chunks WHERE seq > ? ORDER BY id", (seq,))
        removed = self._query("SELECT count(*) FROM deletions WHERE seq > ?", (seq,))
        return np.array([row[0] for row in added], np.int64), int(removed[0][0])

    def all_chunk_ids(self) -> Ids:
        """Ids of the chunks that exist and of those that were removed, ascending."""
        rows = self._query("SELECT id FROM chunks UNION SELECT chunk_id FROM deletions")
        return np.array(sorted(row[0] for row in rows), np.int64)

    # -- internals -----------------------------------------------------------------------------------------------

    def _vector(self, blob: bytes, checksum: int) -> Vectors:
        self._verify(zlib.crc32(blob) == checksum, "an embedding")
        return np.frombuffer(blob, np.float32)

    def _verify(self, intact: bool, what: str) -> None:
        if not intact:
            raise CorruptError(
                f"{what} in {self.path} is damaged (its checksum does not match). Restore the folder from a backup, or "
                f"delete it and ingest the documents again."
            )

    def _by_ids(self, sql: str, ids: Sequence[Any]) -> list[Any]:
        rows: list[Any] = []
        for begin in range(0, len(ids), _BATCH):
            batch = ids[begin : begin + _BATCH]
            rows += self._query(sql.format(",".join("?" * len(batch))), batch)
        return rows

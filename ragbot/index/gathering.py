"""The file in which new embeddings are gathered while :mod:`ragbot.index.reembedding` goes on."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ragbot.errors import StorageError
from ragbot.models.embedders.base import Vectors

GATHERED = "reembedding.sqlite3"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS embeddings (
    hash BLOB PRIMARY KEY,          -- of what was embedded
    embedding BLOB NOT NULL,        -- float32
    checksum INTEGER NOT NULL,      -- CRC-32 of the embedding
    truncated INTEGER NOT NULL      -- whether the text is longer than the model reads
);
"""


class Gathering:
    """Embeddings by the hash of what was embedded; see :func:`gathering`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def count(self) -> int:
        """How many there are."""
        return int(self._db.execute("SELECT count(*) FROM embeddings").fetchone()[0])

    def missing(self, hashes: Sequence[bytes]) -> set[bytes]:
        """Those of ``hashes`` that are not there yet."""
        sql = f"SELECT hash FROM embeddings WHERE hash IN ({','.join('?' * len(hashes))})"
        return set(hashes) - {row[0] for row in self._db.execute(sql, hashes)}

    def add(self, hashes: Sequence[bytes], vectors: Vectors, truncated: Sequence[bool]) -> None:
        """Keep embeddings; they survive a kill."""
        blobs = [np.ascontiguousarray(vector, np.float32).tobytes() for vector in vectors]
        rows = [(h, b, zlib.crc32(b), t) for h, b, t in zip(hashes, blobs, truncated, strict=True)]
        with self._db:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?, ?)", rows)

    def truncated(self) -> int:
        """How many of the texts are longer than the model reads."""
        return int(self._db.execute("SELECT count(*) FROM embeddings WHERE truncated").fetchone()[0])

    def check(self, dimension: int) -> None:
        """Compare every checksum and size. Raises StorageError, and drops what is damaged."""
        self._db.create_function("crc32", 1, zlib.crc32, deterministic=True)
        bad = self._db.execute(
            "DELETE FROM embeddings WHERE crc32(embedding) != checksum OR length(embedding) != ?", (4 * dimension,)
        ).rowcount
        if bad:
            raise StorageError(
                f"{bad} of the new embeddings were damaged on the disk, and are dropped: run the same command again. "
                "Nothing was changed."
            )


@contextmanager
def gathering(folder: Path, identity: str, fingerprint: str) -> Iterator[Gathering]:
    """What was gathered before for the same catalog and model, or nothing.

    Raises:
        StorageError: the file cannot be written.
    """
    path = folder / GATHERED
    wanted = {"identity": identity, "fingerprint": fingerprint}
    try:
        db = _opened(path, wanted)
        if db is None:  # of another model, or damaged
            path.unlink(missing_ok=True)
            db = _opened(path, wanted)
        if db is None:
            raise sqlite3.OperationalError("it cannot be made")
        try:
            yield Gathering(db)
        finally:
            db.close()
    except sqlite3.Error as error:
        raise StorageError(
            f"cannot use {path}: {error}. The knowledge base is as it was; free some space or check the rights, then "
            "run the same command again."
        ) from error


def _opened(path: Path, wanted: dict[str, str]) -> sqlite3.Connection | None:
    """The file, if it was made for this; None if it is to be made anew."""
    is_new = not path.exists()
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.executescript(_SCHEMA)
        if is_new:
            db.executemany("INSERT INTO meta VALUES (?, ?)", wanted.items())
        if dict(db.execute("SELECT key, value FROM meta")) == wanted:
            return db
    except sqlite3.OperationalError:  # the disk is full, or may not be written to
        db.close()
        raise
    except sqlite3.DatabaseError:
        pass
    except BaseException:
        db.close()
        raise
    db.close()
    return None

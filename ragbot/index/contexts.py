"""Lines that a chat model has written about chunks, kept beside the catalog so that no chunk is asked about twice.

A cache and no truth: what is damaged or missing is written again. The lines speak of their documents' text, so they go
when the document goes, and those of an older version as soon as the new one is described.
"""

from __future__ import annotations

import logging
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ragbot.errors import StorageError

log = logging.getLogger(__name__)

FILE_NAME = "contexts.sqlite3"
_BATCH = 10_000
#: The file's user version while copies of dropped lines may stand in it.
_TRACES = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS contexts (
    key BLOB NOT NULL,              -- hash of the model and of all that it was shown
    source TEXT NOT NULL,
    line TEXT NOT NULL,             -- empty: the model had nothing to say
    checksum INTEGER NOT NULL,      -- CRC-32 of the line
    PRIMARY KEY (key, source)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS contexts_source ON contexts (source);
"""


class ContextCache:
    """The lines of one knowledge base; see :func:`opened_cache`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def erase(self) -> None:
        """Write the file anew if lines were dropped: SQLite leaves copies of rows in pages that it moved them from."""
        if self._db.execute("PRAGMA user_version").fetchone() == (_TRACES,):
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA user_version = 0")

    def _traces(self) -> None:
        """Remember, in the transaction that drops lines, that they are to be erased, also after a kill."""
        self._db.execute(f"PRAGMA user_version = {_TRACES}")

    def begin(self, source: str, keys: Sequence[bytes]) -> dict[bytes, str]:
        """The lines that are known, by key; all others that a document of this source had are dropped."""
        found: dict[bytes, str] = {}
        for start in range(0, len(keys), _BATCH):
            batch = keys[start : start + _BATCH]
            # As bytes: what is damaged may be no text any more.
            sql = f"SELECT key, CAST(line AS BLOB), checksum FROM contexts WHERE key IN ({','.join('?' * len(batch))})"
            for key, line, checksum in self._db.execute(sql, batch):
                if zlib.crc32(line) == checksum:
                    found[key] = line.decode("utf-8")
        with self._db:
            self._db.execute("BEGIN")
            before = self._db.execute("DELETE FROM contexts WHERE source = ?", (source,)).rowcount
            if before > len(found):
                self._traces()
            self._db.executemany(
                "INSERT INTO contexts VALUES (?, ?, ?, ?)",
                [(key, source, line, zlib.crc32(line.encode("utf-8"))) for key, line in found.items()],
            )
        return found

    def add(self, source: str, key: bytes, line: str) -> None:
        """Keep a line; it survives a kill."""
        row = (key, source, line, zlib.crc32(line.encode("utf-8")))
        self._db.execute("INSERT OR REPLACE INTO contexts VALUES (?, ?, ?, ?)", row)

    def forget_removed(self, living: Collection[str]) -> None:
        """Drop the lines of documents that are not among ``living``, the sources of the catalog."""
        known = self._db.execute("SELECT DISTINCT CAST(source AS BLOB) FROM contexts").fetchall()
        kept = {source.encode("utf-8") for source in living}
        with self._db:
            self._db.execute("BEGIN")
            gone = [row for row in known if row[0] not in kept]
            self._db.executemany("DELETE FROM contexts WHERE source = CAST(? AS TEXT)", gone)
            if gone:
                self._traces()

    def forget(self, sources: Iterable[str]) -> None:
        """Drop the lines of these documents."""
        with self._db:
            self._db.execute("BEGIN")
            self._db.executemany("DELETE FROM contexts WHERE source = ?", [(source,) for source in sources])
            self._traces()


@contextmanager
def opened_cache(folder: Path) -> Iterator[ContextCache]:
    """The lines of the knowledge base in ``folder``. Only the process that holds the writer's lock may open them.

    Raises:
        StorageError: the file cannot be read or written.
    """
    path = folder / FILE_NAME
    try:
        try:
            db = _connected(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            log.warning("%s is damaged (%s); its lines are written again", path, error)
            path.unlink(missing_ok=True)
            db = _connected(path)
        try:
            cache = ContextCache(db)
            try:
                yield cache
            finally:
                cache.erase()
        finally:
            db.close()
    except sqlite3.Error as error:
        raise StorageError(
            f"cannot use {path}: {error}. Free some space or check the rights, then run the same command again; the "
            "file is a cache and may be deleted"
        ) from error


def forget_removed(folder: Path, living: Callable[[], Collection[str]]) -> None:
    """Drop the lines of documents that are gone, if there are lines at all. Raises StorageError."""
    if (folder / FILE_NAME).is_file():
        with opened_cache(folder) as cache:
            cache.forget_removed(living())


def forget_changed(folder: Path, sources: Collection[str]) -> None:
    """Drop the lines of documents that are about to say something else and to have no lines. Raises StorageError."""
    if sources and (folder / FILE_NAME).is_file():
        with opened_cache(folder) as cache:
            cache.forget(sources)


def _connected(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
        db.executescript(_SCHEMA)
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("SQLite's check of it fails")
    except BaseException:
        db.close()
        raise
    return db

"""The SQLite file under the catalog: opening, migrations, transactions, and errors that say what to do."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ragbot.errors import CorruptError, KnowledgeBaseError, NewerVersionError, StorageError
from ragbot.index.schema import APPLICATION_ID, MIGRATIONS, VERSION
from ragbot.settings import CATALOG

#: How SQLite words damage that it has no code for.
_DAMAGE = ("Could not decode to UTF-8", "unsupported file format")
#: Seconds to wait for another process's transaction.
_WAIT = 30


class Database:
    """One connection, safe to use from several threads: they take turns.

    Args:
        path: the file; made if it does not exist and ``create`` is set.

    Raises:
        NewerVersionError: a newer ragbot made it.
        CorruptError: it is not a catalog, or is damaged.
        StorageError: it cannot be opened or written.
    """

    def __init__(self, path: Path, create: bool = True) -> None:
        self.path = path
        self._lock = threading.RLock()
        if not create and not path.is_file():
            raise KnowledgeBaseError(f"there is no knowledge base in {path.parent}")
        _refuse_emptied(path)
        with self._translated():
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_WAIT)
            try:
                self._db.execute("PRAGMA foreign_keys = ON")
                self._db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
                self._migrate()
            except BaseException:
                self._db.close()
                raise

    def _migrate(self) -> None:
        self._db.execute("BEGIN")  # one state of the file, while another process may be making it
        version = self._version()
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        self._db.execute("COMMIT")
        if tables and application != APPLICATION_ID:
            raise CorruptError(f"{self.path} is an SQLite file, but not a catalog of ragbot")
        if version > VERSION:
            raise NewerVersionError(
                f"{self.path.parent} was made by a newer ragbot (format {version}, this one knows {VERSION}); "
                f"upgrade: pip install -U ragbot"
            )
        if version < VERSION:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("BEGIN IMMEDIATE")
            for number in range(self._version(), VERSION):  # another process may have been here first
                for statement in _statements(MIGRATIONS[number]):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {number + 1}")
            self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._db.execute("COMMIT")
        self._db.execute("PRAGMA synchronous = FULL")  # an acknowledged document survives a power cut

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def get(self, key: str) -> str | None:
        """A value of the metadata table."""
        rows = self._query("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def get_all(self, keys: Sequence[str]) -> dict[str, str]:
        """Those of these values of the metadata table that there are, of one state."""
        return dict(self._query(f"SELECT key, value FROM meta WHERE key IN ({','.join('?' * len(keys))})", keys))

    def put(self, key: str, value: str) -> None:
        """Store a value in the metadata table."""
        self.put_all({key: value})

    def put_all(self, values: Mapping[str, str]) -> None:
        """Store values in the metadata table, all of them or none."""
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def checkpoint(self) -> None:
        """Move what the write-ahead log holds into the file and empty the log, so that no deleted text stays in it.

        Where another process is reading just now, the next one does it, or the last to close the catalog.
        """
        with self._lock:
            self._query("PRAGMA busy_timeout = 1000")
            try:
                self._query("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                self._query(f"PRAGMA busy_timeout = {_WAIT * 1000}")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock, self._translated():
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        with self._translated():
            nested = self._db.in_transaction  # the state of the one around it is the one to be seen
            if not nested:
                self._db.execute("BEGIN")
            try:
                yield self._db
            finally:
                if not nested and self._db.in_transaction:  # SQLite ends it by itself after some errors
                    self._db.execute("COMMIT")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if str(error).startswith(_DAMAGE):  # these have no code of their own
                raise _damaged(self.path, error) from error
            name = getattr(error, "sqlite_errorname", "") or ""
            for prefix, translate in _ERRORS.items():
                if name.startswith(prefix):
                    raise translate(self.path, error) from error
            raise


def _refuse_emptied(path: Path) -> None:
    """A catalog that is gone, or that something has emptied, must not begin anew beside the indexes of what it held."""
    if path.name != CATALOG:
        return  # one that is made to take the place of a broken one
    if (path.stat().st_size if path.exists() else 0) == 0 and any(path.parent.glob("*.ragbot")):
        raise CorruptError(
            f"{path} is {'empty' if path.exists() else 'missing'}, and the search indexes beside it are not: restore it "
            f"from a backup, or delete the folder {path.parent} and ingest the documents again"
        )


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: ``executescript`` would commit the transaction around it."""
    statement = ""
    for part in script.split(";")[:-1]:
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _full(path: Path, error: Exception) -> KnowledgeBaseError:
    return StorageError(
        f"cannot write {path}: {error}. What was stored before is unchanged; free some space or check the rights, then "
        f"run the same command again."
    )


def _damaged(path: Path, error: Exception) -> KnowledgeBaseError:
    return CorruptError(
        f"{path} is damaged or no catalog ({error}); restore it from a backup, or ingest into a new folder"
    )


_ERRORS: Mapping[str, Callable[[Path, Exception], KnowledgeBaseError]] = {
    "SQLITE_FULL": _full,
    "SQLITE_IOERR": _full,
    "SQLITE_READONLY": _full,
    "SQLITE_CANTOPEN": _full,
    "SQLITE_PERM": _full,
    "SQLITE_BUSY": _full,
    "SQLITE_CORRUPT": _damaged,
    "SQLITE_NOTADB": _damaged,
}

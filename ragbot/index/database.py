"""An SQLite file of ours: opening, migrations, transactions, erasing, and errors that say what to do."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragbot.errors import CorruptError, KnowledgeBaseError, NewerVersionError, StorageError
from ragbot.index.schema import APPLICATION_ID, MIGRATIONS
from ragbot.index.scrub import UnknownPageError
from ragbot.index.traces import Traces
from ragbot.settings import CATALOG

log = logging.getLogger(__name__)

#: How SQLite words damage that it has no code for.
_DAMAGE = ("Could not decode to UTF-8", "unsupported file format")
#: Seconds to wait for another process's transaction.
_WAIT = 30
#: Seconds to wait for another process that is reading, where text is to be erased.
_PATIENCE = 1.0


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file holds: SQLite's mark for it, the steps from nothing to its schema, and how errors speak of it."""

    application_id: int
    migrations: tuple[str, ...]
    name: str
    #: What to do about one that is broken or something else; ``{file}`` is its name.
    next_step: str
    #: Whether a person knows the folder around it, and not the file itself.
    by_folder: bool = False


CATALOG_KIND = Kind(
    APPLICATION_ID, MIGRATIONS, "catalog", "restore it from a backup, or ingest into a new folder", by_folder=True
)


class Database:
    """One connection, safe to use from several threads: they take turns.

    Args:
        path: the file; made if it does not exist and ``create`` is set.
        kind: what is expected in it.

    Raises:
        NewerVersionError: a newer ragbot made it.
        CorruptError: it is something else, or is damaged.
        StorageError: it cannot be opened or written.
    """

    def __init__(self, path: Path, create: bool = True, kind: Kind = CATALOG_KIND) -> None:
        self.path = path
        self.kind = kind
        self._lock = threading.RLock()
        self._traces: Traces | None = None
        self._unfinished = False
        if not create and not path.is_file():
            raise KnowledgeBaseError(f"there is no knowledge base in {path.parent}")
        _refuse_emptied(path)
        with self._translated():
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_WAIT)
            try:
                self._db.execute("PRAGMA foreign_keys = ON")
                self._db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
                self._migrate()
                if path.is_file():  # and not in memory
                    self._traces = Traces(path)
            except OSError as error:
                self._db.close()
                raise _full(self, error) from error
            except BaseException:
                self._db.close()
                raise

    def _migrate(self) -> None:
        self._db.execute("BEGIN")  # one state of the file, while another process may be making it
        version = self._version()
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        self._db.execute("COMMIT")
        kind, known = self.kind, len(self.kind.migrations)
        if tables and application != kind.application_id:
            raise CorruptError(f"{self.path} is an SQLite file, but not a {kind.name} of ragbot; {self._next_step}")
        if version > known:
            raise NewerVersionError(
                f"{self.path.parent if kind.by_folder else self.path} was made by a newer ragbot (format {version}, this "
                f"one knows {known}); upgrade: pip install -U ragbot"
            )
        if version < known:
            self._keep_a_log()
            self._db.execute("BEGIN IMMEDIATE")
            for number in range(self._version(), known):  # another process may have been here first
                for statement in _statements(kind.migrations[number]):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {number + 1}")
            self._db.execute(f"PRAGMA application_id = {kind.application_id}")
            self._db.execute("COMMIT")
        self._db.execute("PRAGMA synchronous = FULL")  # what was acknowledged survives a power cut

    def _keep_a_log(self) -> None:
        deadline = time.monotonic() + _WAIT
        while True:  # SQLite itself does not wait here for another process that is making the file, too
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

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

    def checkpoint(self, patience: float = _PATIENCE) -> bool:
        """Leave no deleted text: move what the write-ahead log holds into the file, empty the log, and overwrite in the
        file what rows that have moved or gone have left there.

        False where another process has been reading all the while, or the file is damaged: then the next one does it,
        or :meth:`close`. ``patience`` is how many seconds to wait.
        """
        deadline = time.monotonic() + patience
        with self._lock:
            self._query("PRAGMA busy_timeout = 1000")
            try:
                while not (done := self._erased()) and time.monotonic() < deadline:
                    time.sleep(0.02)
            except UnknownPageError as error:
                done = False
                log.warning(
                    "%s is damaged, and what was deleted may still stand in it (%s): see ragbot kb verify",
                    self.path,
                    error,
                )
            finally:
                self._query(f"PRAGMA busy_timeout = {_WAIT * 1000}")
            self._unfinished = not done
        return done

    def _erased(self) -> bool:
        """Raises UnknownPageError."""
        busy, frames, _ = self._query("PRAGMA wal_checkpoint(TRUNCATE)")[0]
        if busy or self._traces is None or frames < 0:  # in memory, or while it is made: there is no such log
            return not busy
        try:
            with self._translated():
                done = self._traces.erase(self._db)
        except OSError as error:
            raise _full(self, error) from error
        if done:
            self._query("PRAGMA wal_checkpoint(TRUNCATE)")  # the note about it
        return done

    def traces_left(self) -> bool:
        """Whether something was deleted that may still be read in the file or its log."""
        with self._lock, self._translated():
            return self._traces is not None and self._traces.left(self._db)

    def close(self) -> None:
        """Close the file; what :meth:`checkpoint` could not do before is tried once more."""
        with self._lock:
            try:
                if self._unfinished:
                    self.checkpoint(0)
            except (KnowledgeBaseError, sqlite3.Error) as error:
                log.warning("what was deleted may still stand in %s: %s", self.path, error)
            finally:
                self._unfinished = False
                self._db.close()
                if self._traces:
                    self._traces.close()

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
                if self._traces:
                    self._traces.begin(self._db)
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._traces:
                    self._traces.undone()
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            if self._traces:
                self._traces.committed()

    def _leave_traces(self, db: sqlite3.Connection) -> None:
        """This transaction deletes something: whoever is killed before :meth:`checkpoint` leaves a note of it."""
        if self._traces:
            self._traces.leave(db)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if str(error).startswith(_DAMAGE):  # these have no code of their own
                raise _damaged(self, error) from error
            name = getattr(error, "sqlite_errorname", "") or ""
            for prefix, translate in _ERRORS.items():
                if name.startswith(prefix):
                    raise translate(self, error) from error
            raise

    @property
    def _next_step(self) -> str:
        return self.kind.next_step.format(file=self.path.name)


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


def _full(database: Database, error: Exception) -> KnowledgeBaseError:
    return StorageError(
        f"cannot write {database.path}: {error}. What was stored before is unchanged; free some space or check the "
        f"rights, then run the same command again."
    )


def _damaged(database: Database, error: Exception) -> KnowledgeBaseError:
    return CorruptError(f"{database.path} is damaged or no {database.kind.name} ({error}); {database._next_step}")


_ERRORS: Mapping[str, Callable[[Database, Exception], KnowledgeBaseError]] = {
    "SQLITE_FULL": _full,
    "SQLITE_IOERR": _full,
    "SQLITE_READONLY": _full,
    "SQLITE_CANTOPEN": _full,
    "SQLITE_PERM": _full,
    "SQLITE_BUSY": _full,
    "SQLITE_CORRUPT": _damaged,
    "SQLITE_NOTADB": _damaged,
}

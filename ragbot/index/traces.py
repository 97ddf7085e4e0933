"""What deleted rows have left in the pages of an SQLite file, and whether there is any of it.

A row ``traces`` of the table ``meta`` says of the file as a whole that it is clean. The first change after that
removes the row in its own transaction; from then on the pages that are written are noted, so that only these have to be
looked at before the row is put back. Whoever does not find the row, because a process was killed or another one is in
the middle of that, has not seen all that was written, and looks at every page.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from ragbot.index.scrub import UnknownPageError, scrub
from ragbot.index.shared_file import SharedFile
from ragbot.index.written_pages import WrittenPages

log = logging.getLogger(__name__)

_KEY = "traces"
#: Something was deleted, and may still be read in the file or its log.
_LEFT = "left"


class Traces:
    """Beside one connection, and used by one thread at a time.

    Raises:
        OSError: there is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")
        self._file = SharedFile(path)
        #: What was written since the file was clean; None if that is not known.
        self._written: WrittenPages | None = None
        self._state = (0, 0)

    def begin(self, db: sqlite3.Connection) -> None:
        """A transaction has begun, and is about to change something."""
        if _stored(db) == self._clean(db):
            db.execute("DELETE FROM meta WHERE key = ?", (_KEY,))
            self._written = WrittenPages(self._log)
        elif self._written is not None and self._state != _state(db):  # others have written meanwhile
            self._written = None
        self._state = _state(db)

    def leave(self, db: sqlite3.Connection) -> None:
        """The transaction deletes something."""
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_KEY, _LEFT))

    def committed(self) -> None:
        """The transaction has come to its end."""
        try:
            if self._written is not None:
                self._written.note()
        except OSError as error:
            log.debug("cannot read %s (%s): all pages will be looked at", self._log, error)
            self._written = None

    def undone(self) -> None:
        """The transaction has failed, and nobody knows how far it had come."""
        self._written = None

    def left(self, db: sqlite3.Connection) -> bool:
        """Whether something was deleted that may still be read in the file or its log."""
        return _stored(db) == _LEFT

    def erase(self, db: sqlite3.Connection) -> bool:
        """Overwrite what is left in the file, whose log was emptied just now; False if somebody has written since.

        Raises:
            UnknownPageError: a page is not what it should be, and was left as it is.
            OSError: the file cannot be read or written.
        """
        db.execute("BEGIN IMMEDIATE")  # nobody else writes now, to the file or to its log
        try:
            if self._log.exists() and self._log.stat().st_size:
                return False
            if _stored(db) == self._clean(db):
                return True
            known = self._written is not None and self._state == _state(db)
            done = scrub(self._file.descriptor(), self._written.marks if self._written and known else None)
            if done.unknown:
                raise UnknownPageError(f"{done.unknown} of its pages are damaged")
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_KEY, self._clean(db)))
            db.execute("COMMIT")
            self._written = None  # until the next transaction
            return True
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")

    def close(self) -> None:
        """After the connection."""
        self._file.close()

    def _clean(self, db: sqlite3.Connection) -> str:
        # VACUUM, which raises the version, moves all rows; a copy of the file, with another number, may be made by it.
        return f"none {_state(db)[1]} {self._file.number}"


def _stored(db: sqlite3.Connection) -> str | None:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
    return None if row is None else str(row[0])


def _state(db: sqlite3.Connection) -> tuple[int, int]:
    """Changes when another connection commits; and when the schema changes, or the file is written anew."""
    return int(db.execute("PRAGMA data_version").fetchone()[0]), int(db.execute("PRAGMA schema_version").fetchone()[0])

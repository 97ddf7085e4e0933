"""The file of the workspace: opened and migrated as the catalog is, and erased for good where something is deleted."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ragbot.errors import CorruptError, StorageError
from ragbot.index.database import Database, Kind
from ragbot.workspace.schema import APPLICATION_ID, MIGRATIONS

log = logging.getLogger(__name__)

#: Its name in the data folder.
FILE_NAME = "workspace.sqlite3"
#: Seconds that a deletion waits for others who are reading.
_PATIENCE = 10.0
_KIND = Kind(
    APPLICATION_ID,
    MIGRATIONS,
    "workspace",
    "nothing was changed: restore it from a backup, or move {file} away to begin anew",
)


class Workspace(Database):
    """The SQLite file ``workspace.sqlite3``; several processes and threads may use it at once.

    A change is on the disk when the call that made it returns. The file is readable by its owner alone.

    Args:
        path: the file; it and its folder are made if they do not exist.

    Raises:
        NewerVersionError: a newer ragbot made it.
        CorruptError: it is no workspace, or damaged; nothing of it is changed.
        StorageError: it cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _make(path)
        except OSError as error:
            raise StorageError(
                f"cannot open {path}: {error.strerror or error}; check the rights, or set data_dir to another folder"
            ) from error
        super().__init__(path, kind=_KIND)
        self._query("PRAGMA temp_store = MEMORY")  # no copy of anything in the system's temporary folder
        if self.traces_left():  # the process that deleted something was killed, or others were reading
            self._erase()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the file, for several queries."""
        with self._lock, self._snapshot() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it is stored when this ends, or none."""
        with self._transaction() as db:
            yield db

    @contextmanager
    def deleting(self) -> Iterator[sqlite3.Connection]:
        """A transaction behind which no byte of what was deleted is left in the file or in its log."""
        with self._transaction() as db:
            self._leave_traces(db)
            yield db
        self._erase()

    def _erase(self) -> None:
        if not self.checkpoint(_PATIENCE) and self.traces_left():
            log.warning(
                "what was deleted still stands in %s, and is erased when it is closed or next opened", self.path
            )


def _make(path: Path) -> None:
    """SQLite gives its log the rights of the file, and would make the file for everyone to read.

    One that is there is not opened: closing it would drop the locks of those who have it open in this process.
    """
    if not path.is_file():
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            if not path.is_file():  # and so not another process that was quicker
                raise


def damaged(path: Path, what: str, step: str) -> CorruptError:
    """The error for a row whose checksum does not match."""
    return CorruptError(f"{what} in {path} is damaged (its checksum does not match); {step}")

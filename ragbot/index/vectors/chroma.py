"""Chroma embedded in this process: one owner at a time, and a folder that is never trusted after an unclean close.

Chroma's own files are not safe across processes, and a graph whose writer was killed may crash whoever loads it. So an
operating system's lock is held while the database is open, and the folder is sealed when it is closed (see
:mod:`ragbot.index.vectors.sealed`); without a seal that fits it is thrown away, to be made again from the catalog.
A deleted vector is marked in Chroma's graph, and its bytes go when the folder is made again: ``ragbot kb compact``.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ragbot.errors import KnowledgeBaseError, LockedError, StorageError, VectorStoreError
from ragbot.index.segment import Ints
from ragbot.index.vectors import chroma_collection as records
from ragbot.index.vectors.base import Floats
from ragbot.index.vectors.sealed import difference, digests, read_note, write_note
from ragbot.index.vectors.store import StoreState
from ragbot.models.embedders.base import Vectors

log = logging.getLogger(__name__)

NAME = "chroma"
FOLDER = "chroma"
NOTE = "chroma.json"
LOCK_FILE = "chroma.lock"
OWNER_FILE = "chroma-owner.json"
_COLLECTION = "ragbot-vectors"

#: Databases that a process has open: a second knowledge base on the same folder uses the same. A forked child inherits
#: its parent's, and must not touch them.
_OPEN: dict[tuple[int, Path], _Database] = {}
_OPENING = threading.RLock()  # closing may begin wherever the garbage collector runs


class EmbeddedChroma:
    """See :class:`ragbot.index.vectors.store.VectorStore`.

    Args:
        folder: of the knowledge base.

    Raises:
        LockedError: another process has it open.
        MissingExtraError: chromadb is not installed.
        StorageError: the folder cannot be written.
    """

    name = NAME
    filters = True
    exclusive = True

    def __init__(self, folder: Path) -> None:
        key = (os.getpid(), folder.resolve())
        with _OPENING:
            database = _OPEN.get(key)
            if database is None:
                database = _OPEN[key] = _Database(key[1])
            database.users += 1
        self._database = database
        # Also at the end of the process: a folder that is not closed is made again from nothing.
        self._close = weakref.finalize(self, _release, database, os.getpid())

    def upsert(self, ids: Ints, vectors: Vectors) -> None:
        """See the protocol."""
        with self._database.used() as collection:
            records.upsert(collection, ids, vectors, self._database.batch)

    def delete(self, ids: Ints) -> None:
        """See the protocol."""
        with self._database.used() as collection:
            records.delete(collection, ids, self._database.batch)

    def query(self, vector: Floats, k: int, allowed: Ints | None = None) -> Ints:
        """See the protocol."""
        with self._database.used() as collection:
            return records.query(collection, vector, k, allowed)

    def vectors(self, ids: Ints) -> Vectors | None:
        """See the protocol."""
        with self._database.used() as collection:
            return records.vectors_of(collection, ids, self._database.batch)

    def ids(self, of: Ints) -> Ints:
        """See the protocol."""
        with self._database.used() as collection:
            return records.all_ids(collection)

    def state(self) -> StoreState | None:
        """See the protocol."""
        return self._database.state

    def put_state(self, state: StoreState) -> None:
        """See the protocol."""
        self._database.note(state, is_open=True)

    def clear(self, known: Ints) -> None:
        """A folder without anything that was ever in it."""
        self._database.empty()

    def destroy(self, known: Ints) -> None:
        """See the protocol."""
        database = self._database
        with database.lock:
            database.destroyed = True
        self.close()

    def close(self) -> None:
        """See the protocol."""
        self._close()


class _Database:
    """The folder, its lock, and the client; shared by all who have it open in this process."""

    def __init__(self, folder: Path) -> None:
        records.chromadb()
        self.users = 0
        self.destroyed = False
        self.lock = threading.RLock()
        self.state: StoreState | None = None
        self._folder, self._note = folder / FOLDER, folder / NOTE
        self._owner = folder / OWNER_FILE
        self._lock_path = folder / LOCK_FILE
        self._file_lock = FileLock(self._lock_path)
        try:
            self._file_lock.acquire(timeout=0)
        except Timeout:
            raise LockedError(
                f"{self._folder} is open in {_who(self._owner)}, and embedded Chroma serves one process: close it "
                f"there, or let several share a server (chroma run; ragbot kb migrate --store chroma-server), or use faiss"
            ) from None
        except OSError as error:
            raise StorageError(f"cannot write to {folder}: {error.strerror or error}; check the rights") from error
        self._locked = self._lock_path.stat()
        try:
            with suppress(OSError):  # a courtesy to whom we keep out
                self._owner.write_text(json.dumps({"pid": os.getpid(), "command": " ".join(sys.argv)[:200]}), "utf-8")
            self._check()
            self._connect()
        except BaseException:
            self._file_lock.release()
            raise

    @contextmanager
    def used(self) -> Iterator[Any]:
        """The collection, for one thread at a time, with errors that say what to do."""
        with self.lock:
            try:
                yield self._collection
            except KnowledgeBaseError:
                raise
            except Exception as error:
                raise VectorStoreError(
                    f"Chroma in {self._folder} failed ({type(error).__name__}: {error}); ragbot kb repair makes it again"
                ) from error

    def note(self, state: StoreState | None, is_open: bool) -> None:
        """Write down what is in it; of a closed one, every file's checksum as well."""
        with self.lock:
            files = {} if is_open else digests(self._folder)
            write_note(self._note, {"open": is_open, "state": asdict(state) if state else None, "files": files})
            self.state = state

    def empty(self) -> None:
        """Begin a new folder."""
        with self.lock:
            self.note(None, is_open=True)
            self._client.close()
            self._remove()
            self._connect()

    def shut(self) -> None:
        """Close it for good, and seal the folder."""
        with self.lock:
            try:
                self._client.close()
                if not self._ours():
                    log.warning("%s was removed or replaced while it was open, and is not sealed", self._folder)
                elif self.destroyed:
                    self._remove()
                    self._note.unlink(missing_ok=True)
                else:
                    self.note(self.state, is_open=False)
            finally:
                if self._ours():
                    self._owner.unlink(missing_ok=True)
                self._file_lock.release()

    def _ours(self) -> bool:
        """Whether the folder is still the one that was locked: another of its name is none of ours to write to."""
        try:
            return os.path.samestat(self._lock_path.stat(), self._locked)
        except OSError:
            return False

    def _check(self) -> None:
        noted = read_note(self._note)
        fault = fault_of(self._folder, noted)
        if fault:
            log.warning("%s %s; it is made again from the catalog", self._folder, fault)
        if fault or not noted:
            self._remove()
        else:
            self.state = StoreState.read(noted["state"])
        self.note(self.state, is_open=True)

    def _connect(self) -> None:
        try:
            self._folder.mkdir(exist_ok=True)
            self._client = records.chromadb().PersistentClient(str(self._folder), settings=records.quiet_settings())
            self._collection = records.make_collection(self._client, _COLLECTION)
            self.batch = int(self._client.get_max_batch_size())
        except Exception as error:
            raise VectorStoreError(
                f"Chroma cannot open {self._folder} ({type(error).__name__}: {error}); delete that folder, and it is made "
                f"again from the catalog"
            ) from error

    def _remove(self) -> None:
        try:
            if self._folder.is_symlink():
                self._folder.unlink()
            elif self._folder.exists():
                shutil.rmtree(self._folder)
        except OSError as error:
            raise StorageError(f"cannot remove {self._folder}: {error.strerror or error}; check the rights") from error


def fault_of(folder: Path, noted: dict[str, Any]) -> str | None:
    """Why Chroma's ``folder`` cannot be trusted; None if it can, or if there is none."""
    if not noted:
        return "was left by nobody that is known" if folder.is_symlink() or folder.exists() else None
    if folder.is_symlink():
        return "is a link"
    if noted["open"]:
        return "was not closed"
    fault = difference(folder, noted["files"])
    return fault and f"is not as it was left: {fault}"


def owned_elsewhere(folder: Path) -> bool:
    """Whether a process, maybe this one, has the database of this knowledge base open."""
    if (os.getpid(), folder.resolve()) in _OPEN:
        return True
    if not (folder / LOCK_FILE).exists():
        return False
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _release(database: _Database, pid: int) -> None:
    if os.getpid() != pid:
        return  # a forked child: the parent closes it
    with _OPENING:
        database.users -= 1
        if not database.users:
            for key in [key for key, value in _OPEN.items() if value is database]:
                del _OPEN[key]
            database.shut()


def _who(owner: Path) -> str:
    try:
        note = json.loads(owner.read_text(encoding="utf-8"))
        return f"process {int(note['pid'])} ({note['command']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"

"""Make a new catalog of what can still be read of one that SQLite cannot open or walk through any more.

Every page is looked at (:mod:`ragbot.index.pages`), and what stands in it is a row if the row's checksums say so
(:mod:`ragbot.index.rebuilding`). A document comes back whole or not at all. States of archives do not come back, so that their members are looked for again.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from ragbot.errors import CorruptError, KnowledgeBaseError, LockedError, StorageError
from ragbot.index.catalog import FILE_NAME
from ragbot.index.container import fsync_folder
from ragbot.index.embeddings import HOPELESS
from ragbot.index.inspection import Inspector, Progress
from ragbot.index.lock import writer_lock
from ragbot.index.maintenance import BROKEN, NEW, rebuild_indexes, silent
from ragbot.index.pages import Pages
from ragbot.index.rebuilding import Builder
from ragbot.index.vectors.stores import StoreOptions
from ragbot.models.embedders.base import Fingerprint


@dataclass(frozen=True, slots=True)
class Salvage:
    """What came back, and what did not: ``lost`` by source, ``unnamed`` where that is gone too. ``kept`` is the broken
    file, which holds every text that it ever held unless it was overwritten."""

    documents: int
    chunks: int
    lost: tuple[str, ...]
    unnamed: int
    kept: Path


def salvage(
    folder: Path,
    fingerprint: Fingerprint | None = None,
    spec: str | None = None,
    progress: Progress = silent,
    options: StoreOptions | None = None,
) -> Salvage:
    """Put a new catalog in the place of a broken one, with every document that is whole, and make the indexes anew.

    The broken file stays beside it until :func:`ragbot.index.maintenance.compact`. Takes the room of a second catalog.

    Args:
        fingerprint: the embedding model, for a catalog that does not say it any more; ``spec`` is how a person names it.
        options: where the vector store is, as for :func:`ragbot.index.maintenance.rebuild_indexes`.

    Raises:
        CorruptError: nothing can be saved, or nobody knows the embedding model; everything was left as it was.
        LockedError: another process is writing, or has the catalog open.
        NewerVersionError: a newer ragbot made it.
        StorageError: the disk is full or refuses to write.
    """
    path, new = folder / FILE_NAME, folder / NEW
    if not path.is_file():
        raise KnowledgeBaseError(f"there is no knowledge base in {folder}")
    with writer_lock(folder):
        try:
            log = _log_of(path)
            with path.open("r+b") as file, log.open("rb") if log.exists() else BytesIO() as frames:
                _refuse_company(file, path)
                _remove(new)
                pages = Pages(file, frames, folder)
                builder = Builder(new)
                try:
                    builder.collect(pages, progress)
                    builder.describe(fingerprint, spec)
                    lost, unnamed = builder.finish(progress)
                finally:
                    builder.close()
                kept = _swap(path, new, log)
        except sqlite3.Error as error:
            raise CorruptError(f"{path} cannot be rebuilt ({error}), and was left as it was: {HOPELESS}") from error
        except OSError as error:
            raise StorageError(
                f"cannot rebuild {path}: {error.strerror or error}; then run the command again"
            ) from error
        finally:
            with suppress(OSError):
                _remove(new)
        catalog = Inspector(path)
        try:
            progress("indexes", 0, 1)
            rebuild_indexes(folder, catalog, catalog.fingerprint().dimension, options)
            catalog.checkpoint()
            counts = catalog.counts()
        finally:
            catalog.close()
    return Salvage(counts["documents"], counts["chunks"], lost, unnamed, kept)


# -- files -----------------------------------------------------------------------------------------------------------


def _refuse_company(file: BinaryIO, path: Path) -> None:
    """Whoever has the catalog open would go on writing to the file that is put aside; SQLite's own lock tells of them."""
    if sys.platform != "win32":  # where no open file can be renamed anyway
        import fcntl

        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)  # the "shared bytes" of its file locks
        except OSError:
            raise LockedError(f"another process has {path} open; stop it, then run the same command again") from None


def _log_of(path: Path) -> Path:
    """The write-ahead log, or the one that a run before this had put aside when it was killed."""
    kept = (other for other in path.parent.glob(f"{BROKEN}*") if other.samefile(path))
    names = [path.with_name(f"{name.name}-wal") for name in (path, *kept)]
    return next((name for name in names if name.exists()), names[0])


def _swap(path: Path, new: Path, log: Path) -> Path:
    """Give the new file the name of the broken one, which takes another: at any instant, one of them has it."""
    shutil.copymode(path, new)
    kept = path.with_name(f"{BROKEN}{datetime.now(UTC):%Y%m%d-%H%M%S-%f}")
    try:
        os.link(path, kept)
    except OSError:  # a file system without links
        shutil.copy2(path, kept)
    if log.exists():
        log.rename(f"{kept}-wal")  # SQLite would play it into the new file
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    fsync_folder(path.parent)
    new.replace(path)
    fsync_folder(path.parent)
    return kept


def _remove(new: Path) -> None:
    for end in ("", "-wal", "-shm"):
        new.with_name(f"{new.name}{end}").unlink(missing_ok=True)

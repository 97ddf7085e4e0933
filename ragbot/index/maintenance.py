"""Look after a knowledge base: verify that it is whole, repair what is not, and compact it.

Nothing here needs the embedding model: the catalog holds the embeddings, and the indexes are made from it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ragbot.errors import CorruptError, LockedError, NewerVersionError
from ragbot.index import lexical, segment
from ragbot.index.catalog import FILE_NAME, Catalog
from ragbot.index.container import read_container
from ragbot.index.embeddings import HOPELESS
from ragbot.index.inspection import UNREADABLE, Inspector, Problem, Progress
from ragbot.index.lexical import LexicalIndex
from ragbot.index.lock import writer_lock
from ragbot.index.segment import Ints
from ragbot.index.vectors import faiss, stores
from ragbot.index.vectors.base import VectorIndex
from ragbot.index.vectors.faiss_check import read_whole
from ragbot.index.vectors.store_check import store_faults
from ragbot.index.vectors.stores import StoreOptions

_REPAIR = "ragbot kb repair makes it again from the catalog"
#: Seconds to wait for another writer, as :meth:`ragbot.index.knowledge_base.KnowledgeBase.writing` does.
_WAIT = 10.0
#: Beside the catalog, :mod:`ragbot.index.salvage` makes a new one under this name, and keeps broken ones under these.
NEW, BROKEN = f"{FILE_NAME}.new", f"{FILE_NAME}.broken-"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was read, and what is wrong with it."""

    documents: int
    chunks: int
    characters: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Repair:
    """The documents that were damaged and are gone, to be ingested again; the chunks of no document that are gone;
    and all problems that were found."""

    removed: tuple[str, ...]
    orphans: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Compaction:
    """Bytes of the folder before and after; not ``complete`` if another process kept the old log in use."""

    before: int
    after: int
    complete: bool


def silent(stage: str, done: int, total: int) -> None:
    """A progress that nobody looks at."""


def verify(folder: Path, progress: Progress = silent, options: StoreOptions | None = None) -> Verification:
    """Read everything and compare every checksum; what is wrong is reported, and nothing is changed.

    Raises:
        NewerVersionError: a newer ragbot made it.
        KnowledgeBaseError: there is no knowledge base in ``folder``.
    """
    try:
        catalog = Inspector(folder / FILE_NAME)
    except NewerVersionError:
        raise
    except UNREADABLE as error:
        return Verification(0, 0, 0, (Problem("catalog", str(error), HOPELESS),))
    try:
        problems = [*check_catalog(catalog, progress)]
        try:
            counts = catalog.counts()
            problems += _check_indexes(folder, catalog, options)
        except UNREADABLE:  # told of already
            counts = {"documents": 0, "chunks": 0, "characters": 0}
    finally:
        catalog.close()
    return Verification(**counts, problems=tuple(problems))


def check_catalog(catalog: Inspector, progress: Progress = silent) -> Iterator[Problem]:
    """What is wrong with the catalog, each row read."""
    progress("structure", 0, 1)
    yield from catalog.structure()
    yield from catalog.damaged_documents(progress)


def repair(folder: Path, progress: Progress = silent, options: StoreOptions | None = None) -> Repair:
    """Remove the documents that are damaged, with what was known of their files, and make the indexes again.

    The next ingestion reads those files anew. What is whole stays as it is; uploaded files stay, too.

    Raises:
        CorruptError: the catalog is damaged in a way that this does not mend; it was left as it was.
        LockedError: another process is writing.
    """
    with _locked(folder) as catalog:
        problems = [*check_catalog(catalog, progress)]
        hopeless = next((problem for problem in problems if problem.next_step == HOPELESS), None)
        if hopeless:
            raise CorruptError(f"{hopeless.message}. It was left as it was: {HOPELESS}")
        damaged = [problem for problem in problems if problem.document_id is not None]
        dimension = catalog.fingerprint().dimension
        with suppress(*UNREADABLE):  # the catalog is: told of already
            problems += _check_indexes(folder, catalog, options, alone=True)
        orphans = catalog.purge([problem.document_id for problem in damaged if problem.document_id is not None])
        progress("indexes", 0, 1)
        rebuild_indexes(folder, catalog, dimension, options)
        catalog.checkpoint()
    return Repair(tuple(problem.source or "" for problem in damaged), orphans, tuple(problems))


def compact(folder: Path, progress: Progress = silent, options: StoreOptions | None = None) -> Compaction:
    """Write catalog and indexes anew without what was deleted, empty the log, and delete broken catalogs kept beside it.

    It takes about as much free space as the catalog is large. If that runs out, everything stays as it was.

    Raises:
        CorruptError: a row is damaged.
        LockedError: another process is writing.
        StorageError: the disk is full.
    """
    before = folder_bytes(folder)
    with _locked(folder) as catalog:
        progress("indexes", 0, 2)
        rebuild_indexes(folder, catalog, catalog.fingerprint().dimension, options)
        progress("catalog", 1, 2)
        complete = catalog.vacuum()
        for path in (*folder.glob(f"{BROKEN}*"), *folder.glob(f"{NEW}*")):
            path.unlink(missing_ok=True)
    return Compaction(before, folder_bytes(folder), complete)


def rebuild_indexes(folder: Path, catalog: Catalog, dimension: int, options: StoreOptions | None = None) -> None:
    """Make the indexes from the catalog as if there were none, and store them.

    Without ``options`` an outside store cannot be reached: it is then not trusted any more, and the next writer fills it.

    Raises:
        CorruptError: a row of the catalog is damaged.
        StorageError: the disk is full.
        VectorStoreError: the vector store cannot be filled; see :func:`ragbot.index.vectors.stores.open_store`.
    """
    words, name = LexicalIndex(), stores.name_in(catalog)
    if options is None and name != stores.FAISS:
        stores.distrust(name, folder)
        _fill(folder, catalog, words, None)
        return
    options = options or StoreOptions()
    vectors = stores.fresh_index(name, folder, catalog, dimension, options)
    try:
        _fill(folder, catalog, words, vectors)
        stores.retire(folder, catalog, dimension, options)
    finally:
        stores.close_index(vectors)


def _fill(folder: Path, catalog: Catalog, words: LexicalIndex, vectors: VectorIndex | None) -> None:
    for changes in catalog.changes(0):
        words.apply(changes.seq, changes.removed, changes.added, changes.texts)
        if vectors is not None:
            vectors.apply(changes.seq, changes.removed, changes.added, changes.vectors, changes.languages)
    words.save(folder, catalog.identity)
    if vectors is not None:
        vectors.save(folder, catalog.identity)


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in a folder; one that goes meanwhile, as a log does when it is closed, is not counted."""
    total = 0
    for parent, _, names in os.walk(folder):  # passes over a folder that goes, which Path.rglob does not
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(parent, name).stat().st_size
    return total


@contextmanager
def _locked(folder: Path) -> Iterator[Inspector]:
    with writer_lock(folder, _WAIT):
        try:
            catalog = Inspector(folder / FILE_NAME)
        except sqlite3.DatabaseError as error:  # one that contradicts its own header, for example
            raise CorruptError(f"{folder / FILE_NAME} cannot be opened ({error}): {HOPELESS}") from error
        try:
            yield catalog
        finally:
            catalog.close()


def _check_indexes(
    folder: Path, catalog: Inspector, options: StoreOptions | None, alone: bool = False
) -> list[Problem]:
    """What is wrong with the index files. An index may lag while somebody writes, so that only one that lags while
    nobody does is told of (``alone``: the writer's lock is held already)."""
    problems = _index_problems(folder, catalog, options or StoreOptions())
    if alone or not problems:
        return problems
    try:
        with writer_lock(folder, 0):
            return _index_problems(folder, catalog, options or StoreOptions())
    except LockedError:
        return []  # whoever writes stores the indexes when done


def _index_problems(folder: Path, catalog: Inspector, options: StoreOptions) -> list[Problem]:
    newest, ids = catalog.chunk_numbers()
    problems = []
    files: list[tuple[str, str, Callable[[Path], tuple[dict[str, Any], Ints]]]] = [
        ("lexical", lexical.MANIFEST, _read_lexical)
    ]
    store = stores.name_in(catalog)
    if store == stores.FAISS:
        files.append(("vector", faiss.FILE_NAME, lambda folder: read_whole(folder, catalog.identity)))
    else:
        dimension = catalog.fingerprint().dimension
        faults = store_faults(store, folder, catalog, dimension, newest, ids, options)
        problems += [Problem("index", f"the vectors in {store}: {found}", _REPAIR) for found in faults]
    for name, file, read in files:
        try:
            metadata, found = read(folder)
            fault = _index_fault(metadata, found, newest, ids, catalog.identity)
        except FileNotFoundError as error:
            fault = f"the file {Path(error.filename or file).name} is missing"
        except CorruptError as error:
            fault = str(error)
        if fault:
            problems.append(Problem("index", f"the {name} index: {fault}", _REPAIR))
    return problems


def _index_fault(metadata: dict[str, Any], found: Ints, newest: int, ids: Ints, identity: str) -> str | None:
    if metadata.get("catalog") != identity:
        return "it was made from another catalog"
    if metadata["seq"] != newest:
        return f"it has reached change {metadata['seq']}, and the catalog is at {newest}"
    if not np.array_equal(np.sort(found), ids):
        return f"it holds {len(found)} chunks that are not the {len(ids)} of the catalog"
    return None


def _read_lexical(folder: Path) -> tuple[dict[str, Any], Ints]:
    metadata, _ = read_container(folder / lexical.MANIFEST, lexical.KIND)
    parts = [segment.Segment.read(folder / Path(name).name, metadata["catalog"]).ids for name in metadata["segments"]]
    return metadata, np.concatenate([np.empty(0, np.int64), *parts])

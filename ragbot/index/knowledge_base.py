"""A knowledge base on disk: the catalog, and the indexes derived from it, kept at the same sequence number."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from ragbot.errors import (
    EmbedderMismatchError,
    KnowledgeBaseError,
    LockedError,
    RagbotError,
    StorageError,
    VectorStoreError,
)
from ragbot.index import contexts
from ragbot.index.catalog import FILE_NAME, Catalog
from ragbot.index.lexical import AheadError, LexicalIndex
from ragbot.index.lock import writer_lock
from ragbot.index.vectors import stores
from ragbot.index.vectors.base import VectorIndex
from ragbot.index.vectors.external import ExternalIndex
from ragbot.models.embedders.base import Fingerprint

log = logging.getLogger(__name__)

Index = TypeVar("Index", LexicalIndex, VectorIndex)

_FINGERPRINT = "embedder"
_SPEC = "embedder_spec"


class KnowledgeBase:
    """Opens a folder; brings lagging indexes up by replaying the catalog, and rebuilds damaged ones from it.

    Args:
        folder: the knowledge base.
        fingerprint: the embedding model in use. It is stored in a new knowledge base and compared in an old one.
        create: make the folder if it holds no knowledge base yet.
        embedder_spec: the name under which a person asks for that model; kept for the message of a mismatch.
        store: where vectors are kept in a new knowledge base, and how the store of an old one is reached.

    Raises:
        KnowledgeBaseError: there is none and ``create`` is not set; or one of its subclasses.
        EmbedderMismatchError: another embedding model built it.
    """

    def __init__(
        self,
        folder: Path,
        fingerprint: Fingerprint,
        create: bool = True,
        embedder_spec: str | None = None,
        store: stores.StoreOptions | None = None,
    ) -> None:
        self.folder = folder
        self.fingerprint = fingerprint
        #: Held while the indexes are read or changed: a search sees one state of them.
        self.lock = threading.RLock()
        #: Name of the vector store; None until it is open.
        self.store: str | None = None
        self.vectors: VectorIndex
        self._not_followed = self._left = ""
        self._options = store or stores.StoreOptions()
        self._opened = ""
        if create:
            _make_folder(folder)
        self.catalog = Catalog(folder / FILE_NAME, create)
        self._file = _file_of(folder)
        try:
            self._check_embedder(embedder_spec)
        except BaseException:
            self.close()
            raise
        try:
            identity = self._opened = self.catalog.identity
            self.lexical = self._loaded(lambda newest: LexicalIndex.load(folder, newest, identity))
            if self.store is None:
                self._open_vectors(stores.name_in(self.catalog))
            self.refresh()
            self._fill_store()
        except BaseException:
            self.close()
            raise

    def refresh(self) -> None:
        """Bring the indexes up to the newest change of the catalog; costs one small query when there is none.

        Raises:
            EmbedderMismatchError: another process has embedded the knowledge base anew with another model.
            KnowledgeBaseError: the catalog was removed or replaced since it was opened.
        """
        newest, store = self._check_catalog()
        if store != self.store:
            self._follow()
        if min(self.lexical.seq, self.vectors.seq) >= newest:
            return
        with self.lock:
            for changes in self.catalog.changes(min(self.lexical.seq, self.vectors.seq)):
                self._check_embedder()  # reads the state that the changes are of
                if changes.seq > self.lexical.seq:
                    self.lexical.apply(changes.seq, changes.removed, changes.added, changes.texts)
                if changes.seq > self.vectors.seq:
                    self.vectors.apply(changes.seq, changes.removed, changes.added, changes.vectors, changes.languages)

    @contextmanager
    def writing(self, wait: float = 10.0) -> Iterator[Catalog]:
        """Hold the writer's lock; afterwards the indexes are brought up and stored.

        Raises:
            LockedError: another process is writing.
            EmbedderMismatchError: one has embedded the knowledge base anew with another model.
            KnowledgeBaseError: the catalog was removed or replaced since it was opened.
        """
        self._check_catalog()  # before the lock, whose file would make a folder that is gone anew
        with writer_lock(self.folder, wait):
            self._check_catalog()
            self._check_embedder()
            try:
                yield self.catalog
            finally:
                self.refresh()
                self.save()
            contexts.forget_removed(self.folder, lambda: {document.source for document in self.catalog.documents()})

    def save(self) -> None:
        """Store the indexes, and leave no deleted text in the catalog's files.

        The indexes are derived: a failure is logged, and costs the next start some time and nothing else. One to erase
        what was removed is logged, too; the next one who writes does it.
        """
        identity = self.catalog.identity
        try:
            with self.lock:
                self.lexical.save(self.folder, identity)
                if stores.name_in(self.catalog) == self.store:
                    self._save_vectors(identity)
        except StorageError as error:
            log.warning(
                "the documents are stored, but not the search index, which the next start makes again: %s", error
            )
        self._erase()

    def _erase(self) -> None:
        try:
            if self.catalog.checkpoint() or not self.catalog.traces_left():
                return
        except StorageError as error:
            log.warning("the documents are stored, but what was removed before may still stand in a file: %s", error)
            return
        log.warning(
            "another process is reading the knowledge base %s, or it is damaged: what was removed still stands in its files, "
            "and is erased when it is closed here, or by the next change",
            self.folder,
        )

    def close(self) -> None:
        """Close the catalog, and the vector store if it is an outside one."""
        with self.lock:
            self.catalog.close()
            if self.store is not None:
                stores.close_index(self.vectors)

    # -- the vector store ----------------------------------------------------------------------------------------

    def _open_vectors(self, name: str) -> None:
        def load(_: int) -> VectorIndex:
            return stores.load_index(name, self.folder, self.catalog, self.fingerprint.dimension, self._options)

        # An outside store has a state of its own, and must not be opened twice.
        self.vectors = self._loaded(load) if name == stores.FAISS else load(0)
        self.store = name

    def _loaded(self, load: Callable[[int], Index]) -> Index:
        """An index as it is stored; read once more where another process stored a newer one just then."""
        newest = self.catalog.seq
        with suppress(AheadError):
            index = load(newest)
            if index.seq or self.catalog.seq == newest:
                return index
        return load(self.catalog.seq)

    def _save_vectors(self, identity: str) -> None:
        try:
            self.vectors.save(self.folder, identity)
        except VectorStoreError as error:
            log.warning(
                "the documents are stored, but not yet in the vector store, which the next change tries: %s", error
            )
        self._retire()

    def _fill_store(self) -> None:
        """Bring up a store that nobody else can have open: its owner was killed, or somebody wrote without it."""
        if not (isinstance(self.vectors, ExternalIndex) and self.vectors.store.exclusive and self.vectors.behind):
            return
        try:
            with writer_lock(self.folder, 0):
                self.refresh()
                self.vectors.save(self.folder, self.catalog.identity)
        except (LockedError, StorageError, VectorStoreError) as error:
            log.warning("the vector store %s is behind, and questions read the catalog: %s", self.store, error)

    def _follow(self) -> None:
        """Another process has moved the knowledge base to another store."""
        with self.lock:
            before, name = self.vectors, stores.name_in(self.catalog)
            try:
                self._open_vectors(name)
            except RagbotError as error:
                # What is open serves on, brought up from the catalog; it is not stored any more.
                if name != self._not_followed:
                    log.warning("the vectors have moved to %s, which cannot be opened: %s", name, error)
                self._not_followed = name
            else:
                stores.close_index(before)

    def _retire(self) -> None:
        """Remove what an interrupted move to another store has left."""
        left = stores.retire(self.folder, self.catalog, self.fingerprint.dimension, self._options)
        if left and left != self._left:  # once is enough
            log.warning("%s", left)
        self._left = left

    def _check_catalog(self) -> tuple[int, str]:
        """The newest change, and the vector store; what is written to a file that is gone is lost, and an index must not
        follow another catalog, or an older one."""
        reached = max(self.lexical.seq, self.vectors.seq)  # read first: another thread may be bringing the indexes up
        replaced = _file_of(self.folder) != self._file
        identity, newest, store = ("", 0, None) if replaced else self.catalog.state(stores.STORE)
        if replaced or identity != self._opened:
            raise KnowledgeBaseError(
                f"the knowledge base {self.folder} was removed or replaced while it was open here: nothing is read or written "
                f"any more; close it and open it again (restart the program)"
            )
        if newest < reached:
            raise AheadError(
                f"the catalog in {self.folder} is at change {newest}, and was at {reached}: an older one has taken its place "
                f"while it was open here. Close it, see that the whole folder is from the same backup, and open it again"
            )
        return newest, store or stores.FAISS

    def _check_embedder(self, spec: str | None = None) -> None:
        mine = self.fingerprint.as_dict()
        stored = self.catalog.get(_FINGERPRINT)
        if stored is None:
            self._open_vectors(self._options.store)  # what cannot be opened is not made
            self.catalog.put(stores.STORE, self._options.store)
            if spec:
                self.catalog.put(_SPEC, spec)
            self.catalog.put(_FINGERPRINT, json.dumps(mine))
            return
        theirs = self.catalog.fingerprint().as_dict()
        if theirs != mine:
            differing = ", ".join(
                f"{key} {theirs.get(key)!r} ≠ {mine[key]!r}" for key in mine if theirs.get(key) != mine[key]
            )
            raise EmbedderMismatchError(
                f"the knowledge base {self.folder} was built with the embedder {theirs.get('name')!r}, and this is "
                f"another ({differing}). Open it with --embedder {self.catalog.get(_SPEC) or theirs.get('name')}, or ingest "
                f"into a new one with --kb NAME."
            )


def _file_of(folder: Path) -> tuple[int, int] | None:
    """What tells the catalog's file from another of the same name; None if there is none."""
    try:
        found = (folder / FILE_NAME).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"cannot read {folder}: {error.strerror or error}; check the rights") from error
    return found.st_dev, found.st_ino


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise KnowledgeBaseError(f"{folder} is a file; a knowledge base is a folder") from None
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {folder}: {error.strerror}; choose another with --kb FOLDER"
        ) from error

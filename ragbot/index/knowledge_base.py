"""A knowledge base on disk: the catalog, and the indexes derived from it, kept at the same sequence number."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ragbot.errors import EmbedderMismatchError, KnowledgeBaseError, StorageError
from ragbot.index.catalog import FILE_NAME, Catalog
from ragbot.index.lexical import LexicalIndex
from ragbot.index.lock import writer_lock
from ragbot.index.vectors.base import VectorIndex
from ragbot.index.vectors.faiss import FaissIndex
from ragbot.models.embedders.base import Fingerprint

log = logging.getLogger(__name__)

_FINGERPRINT = "embedder"
_SPEC = "embedder_spec"


class KnowledgeBase:
    """Opens a folder; brings lagging indexes up by replaying the catalog, and rebuilds damaged ones from it.

    Args:
        folder: the knowledge base.
        fingerprint: the embedding model in use. It is stored in a new knowledge base and compared in an old one.
        create: make the folder if it holds no knowledge base yet.
        embedder_spec: the name under which a person asks for that model; kept for the message of a mismatch.

    Raises:
        KnowledgeBaseError: there is none and ``create`` is not set; or one of its subclasses.
        EmbedderMismatchError: another embedding model built it.
    """

    def __init__(
        self, folder: Path, fingerprint: Fingerprint, create: bool = True, embedder_spec: str | None = None
    ) -> None:
        self.folder = folder
        self.fingerprint = fingerprint
        #: Held while the indexes are read or changed: a search sees one state of them.
        self.lock = threading.RLock()
        if create:
            _make_folder(folder)
        self.catalog = Catalog(folder / FILE_NAME, create)
        try:
            self._check_embedder(embedder_spec)
        except BaseException:
            self.catalog.close()
            raise
        try:
            newest, identity = self.catalog.seq, self.catalog.identity
            self.lexical = LexicalIndex.load(folder, newest, identity)
            self.vectors: VectorIndex = FaissIndex.load(folder, fingerprint.dimension, newest, identity)
            self.refresh()
        except BaseException:
            self.catalog.close()
            raise

    def refresh(self) -> None:
        """Bring the indexes up to the newest change of the catalog; costs one small query when there is none."""
        if min(self.lexical.seq, self.vectors.seq) >= self.catalog.seq:
            return
        with self.lock:
            for changes in self.catalog.changes(min(self.lexical.seq, self.vectors.seq)):
                if changes.seq > self.lexical.seq:
                    self.lexical.apply(changes.seq, changes.removed, changes.added, changes.texts)
                if changes.seq > self.vectors.seq:
                    self.vectors.apply(changes.seq, changes.removed, changes.added, changes.vectors, changes.languages)

    @contextmanager
    def writing(self, wait: float = 10.0) -> Iterator[Catalog]:
        """Hold the writer's lock; afterwards the indexes are brought up and stored.

        Raises:
            LockedError: another process is writing.
        """
        with writer_lock(self.folder, wait):
            try:
                yield self.catalog
            finally:
                self.refresh()
                self.save()

    def save(self) -> None:
        """Store the indexes, and leave no deleted text in the catalog's log.

        The indexes are derived: a failure is logged, and costs the next start some time and nothing else.
        """
        identity = self.catalog.identity
        try:
            with self.lock:
                self.lexical.save(self.folder, identity)
                self.vectors.save(self.folder, identity)
            self.catalog.checkpoint()
        except StorageError as error:
            log.warning(
                "the documents are stored, but not the search index, which the next start makes again: %s", error
            )

    def close(self) -> None:
        """Close the catalog."""
        self.catalog.close()

    def _check_embedder(self, spec: str | None) -> None:
        mine = self.fingerprint.as_dict()
        stored = self.catalog.get(_FINGERPRINT)
        if stored is None:
            if spec:
                self.catalog.put(_SPEC, spec)
            self.catalog.put(_FINGERPRINT, json.dumps(mine))
            return
        theirs = json.loads(stored)
        if theirs != mine:
            differing = ", ".join(
                f"{key} {theirs.get(key)!r} ≠ {mine[key]!r}" for key in mine if theirs.get(key) != mine[key]
            )
            raise EmbedderMismatchError(
                f"the knowledge base {self.folder} was built with the embedder {theirs.get('name')!r}, and this is "
                f"another ({differing}). Open it with --embedder {self.catalog.get(_SPEC) or theirs.get('name')}, or ingest "
                f"into a new one with --kb NAME."
            )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise KnowledgeBaseError(f"{folder} is a file; a knowledge base is a folder") from None
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {folder}: {error.strerror}; choose another with --kb FOLDER"
        ) from error

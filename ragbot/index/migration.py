"""Move a knowledge base to another vector store, without embedding anything again.

The old store serves until the new one is complete. Then the name is switched in one transaction, and what is left of
the old one is removed. Whenever that is interrupted, the catalog names the store whose remains are to go
(``vector_store_stale``), and the next writer removes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ragbot.errors import RagbotError
from ragbot.index.catalog import FILE_NAME, Catalog
from ragbot.index.inspection import Inspector, Progress
from ragbot.index.lock import writer_lock
from ragbot.index.vectors import stores
from ragbot.index.vectors.base import VectorIndex
from ragbot.index.vectors.stores import StoreOptions

_WAIT = 10.0


@dataclass(frozen=True, slots=True)
class Migration:
    """From which store to which, and how many vectors; ``left`` says what is still to be removed, and why."""

    before: str
    after: str
    vectors: int
    left: str = ""

    @property
    def moved(self) -> bool:
        """False where it was there already."""
        return self.before != self.after


def migrate(
    folder: Path, name: str, options: StoreOptions | None = None, progress: Progress | None = None
) -> Migration:
    """Let the vectors of the knowledge base in ``folder`` be kept by the store ``name`` from now on.

    Raises:
        SettingsError: there is no such store, or what it needs is not set.
        MissingExtraError: its packages are not installed.
        LockedError: another process is writing, or has the new store open.
        VectorStoreError: the new store cannot be filled; the old one stays in use.
        CorruptError: an embedding in the catalog is damaged: ragbot kb repair first.
    """
    options = options or StoreOptions()
    stores.checked(name)
    with writer_lock(folder, _WAIT):
        catalog = Inspector(folder / FILE_NAME)
        try:
            before, dimension = stores.name_in(catalog), catalog.fingerprint().dimension
            count = catalog.counts()["chunks"]
            if before == name:
                return Migration(before, name, count, stores.retire(folder, catalog, dimension, options))
            stale = stores.stale_in(catalog)
            catalog.put(stores.STALE, " ".join(sorted({*stale, name})))
            try:
                index = stores.load_index(name, folder, catalog, dimension, options)
            except RagbotError:
                catalog.put(stores.STALE, " ".join(sorted(stale)))  # nothing was made
                raise
            _fill(folder, catalog, index, count, progress)
            stale = {*stale, before} - {name}
            catalog.put_all({stores.STORE: name, stores.STALE: " ".join(sorted(stale))})
            return Migration(before, name, count, stores.retire(folder, catalog, dimension, options))
        finally:
            catalog.close()


def _fill(folder: Path, catalog: Catalog, index: VectorIndex, count: int, progress: Progress | None) -> None:
    """Bring the new store up, and close it; a move that was interrupted goes on where it stopped."""
    try:
        done = len(index)
        for changes in catalog.changes(index.seq):
            index.apply(changes.seq, changes.removed, changes.added, changes.vectors, changes.languages)
            done += len(changes.added)
            if progress:
                progress("vectors", min(done, count), count)
        index.save(folder, catalog.identity)
    finally:
        stores.close_index(index)

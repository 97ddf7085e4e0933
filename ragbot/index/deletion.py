"""A knowledge base as a whole, deleted for good."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import uuid4

from ragbot.errors import KnowledgeBaseError, StorageError, UserError
from ragbot.index.catalog import FILE_NAME, Catalog
from ragbot.index.lock import writer_lock
from ragbot.index.vectors import stores

#: What a folder is called while it is being deleted: no knowledge base has such a name.
_GONE = ".deleted-"


def delete_knowledge_base(home: Path, name: str, options: stores.StoreOptions | None = None) -> None:
    """Delete the knowledge base ``home/name`` with all that lies in its folder.

    It is gone from the moment in which its folder is renamed. What a process that was killed leaves of it is deleted by
    the next deletion.

    Args:
        home: the folder of the knowledge bases that have a name: no other folder is ever deleted.
        options: how its vector store is reached.

    Raises:
        KnowledgeBaseError: there is none of this name.
        LockedError: another process is writing.
        UserError: its vectors lie in a store outside that cannot be reached.
        StorageError: it cannot be deleted.
    """
    folder = home / name
    if folder.parent != home or not name or name.startswith(".") or not (folder / FILE_NAME).is_file():
        raise KnowledgeBaseError(f"there is no knowledge base {name!r}")
    if folder.is_symlink():
        raise UserError(f"{folder} is a link: delete what it leads to yourself, and then the link")
    with writer_lock(folder):
        _forget_vectors(folder, options or stores.StoreOptions())
    gone = home / f"{_GONE}{uuid4().hex}"
    try:
        folder.rename(gone)
    except OSError as error:
        raise StorageError(f"cannot delete {folder}: {error.strerror or error}; check the rights") from error
    for left in home.glob(f"{_GONE}*"):
        shutil.rmtree(left, ignore_errors=True)


def _forget_vectors(folder: Path, options: stores.StoreOptions) -> None:
    """Remove what a store outside of the folder holds."""
    catalog = Catalog(folder / FILE_NAME, create=False)
    try:
        name = stores.name_in(catalog)
        if name not in {stores.FAISS, "chroma"}:
            stores.remove_index(name, folder, catalog, catalog.fingerprint().dimension, options)
    except KnowledgeBaseError as error:
        raise UserError(
            f"the vectors of {folder.name} cannot be removed from their store, so nothing was deleted ({error}); let the store "
            "be reached, or move the vectors first: ragbot kb migrate --store faiss"
        ) from error
    finally:
        catalog.close()

"""Names of vector stores to indexes; each store is imported when it is asked for.

A third party adds a store through an entry point in the group ``ragbot.vector_stores`` whose value is a callable
``(folder, identity, dimension) -> VectorStore``: the folder of the knowledge base, the catalog's identity, and the
dimension of the vectors (see :mod:`ragbot.index.vectors.store`).
"""

from __future__ import annotations

import difflib
import importlib.metadata
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ragbot.errors import RagbotError, SettingsError
from ragbot.index.catalog import Catalog
from ragbot.index.vectors.base import VectorIndex
from ragbot.index.vectors.external import ExternalIndex
from ragbot.index.vectors.faiss import FaissIndex
from ragbot.index.vectors.store import VectorStore, members_file, tokens_file

FAISS = "faiss"
GROUP = "ragbot.vector_stores"
#: Keys of the catalog's metadata: the name of the store, and of those whose remains are to be removed.
STORE, STALE = "vector_store", "vector_store_stale"
_NAME = re.compile("[a-z0-9][a-z0-9-]{0,40}")


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """What a person has set: addresses and factories come from here alone, never from a knowledge base.

    Args:
        store: of new knowledge bases.
        chroma_url, chroma_token: the Chroma server, and what it asks for.
        timeout: seconds to wait for a server.
        langchain: ``package.module:factory``.
    """

    store: str = FAISS
    chroma_url: str = ""
    chroma_token: str = field(default="", repr=False)
    timeout: float = 10.0
    langchain: str = ""


def names() -> list[str]:
    """Names of all stores: built in and from entry points."""
    return [FAISS, *_BUILT_IN, *(point.name for point in _points() if point.name not in {FAISS, *_BUILT_IN})]


def checked(name: str) -> str:
    """The name of a store that there is. Raises SettingsError."""
    if name not in names() or not _NAME.fullmatch(name):
        near = difflib.get_close_matches(name, names(), 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise SettingsError(
            f"{name[:80]!r} is no vector store.{hint} There are {', '.join(names())}; one that a package of its own brings needs that "
            f"package. A knowledge base that asks for one you do not have moves to another with: ragbot kb migrate --store faiss"
        )
    return name


def name_in(catalog: Catalog) -> str:
    """The store that a knowledge base uses."""
    return catalog.get(STORE) or FAISS


def open_store(name: str, folder: Path, identity: str, dimension: int, options: StoreOptions) -> VectorStore:
    """The store of that name.

    Raises:
        SettingsError: there is none, or what it needs is not set.
        MissingExtraError: its packages are not installed.
        LockedError: another process has it open, and it serves one.
        VectorStoreError: it cannot be used.
    """
    checked(name)
    if name in _BUILT_IN:
        return _BUILT_IN[name](folder, identity, dimension, options)
    store: VectorStore = next(point.load() for point in _points() if point.name == name)(folder, identity, dimension)
    return store


def load_index(name: str, folder: Path, catalog: Catalog, dimension: int, options: StoreOptions) -> VectorIndex:
    """The index as it was stored, or an empty one, to be brought up from the catalog. Raises as :func:`open_store`."""
    if checked(name) == FAISS:
        return FaissIndex.load(folder, dimension, catalog.seq, catalog.identity, catalog.vectors_of)
    store = open_store(name, folder, catalog.identity, dimension, options)
    return ExternalIndex.load(store, folder, catalog, dimension)


def fresh_index(name: str, folder: Path, catalog: Catalog, dimension: int, options: StoreOptions) -> VectorIndex:
    """An empty index, whose ``save`` replaces whatever there is. Raises as :func:`open_store`."""
    if name == FAISS:
        return FaissIndex(dimension, catalog.vectors_of)
    store = open_store(name, folder, catalog.identity, dimension, options)
    return ExternalIndex.fresh(store, folder, catalog, dimension)


def close_index(index: VectorIndex) -> None:
    """Close an index that stands on a store of its own."""
    if isinstance(index, ExternalIndex):
        index.close()


def remove_index(name: str, folder: Path, catalog: Catalog, dimension: int, options: StoreOptions) -> None:
    """Remove all that there is of a store for this knowledge base. Raises as :func:`open_store`."""
    if name == FAISS:
        for path in folder.glob("vectors*.ragbot*"):
            path.unlink(missing_ok=True)
        return
    open_store(name, folder, catalog.identity, dimension, options).destroy(catalog.all_chunk_ids())
    distrust(name, folder)


def distrust(name: str, folder: Path) -> None:
    """Forget what an outside store is known to hold: the next writer empties and fills it."""
    for file in (members_file(name), tokens_file(name)) if _NAME.fullmatch(name) else ():
        (folder / file).unlink(missing_ok=True)


def retire(folder: Path, catalog: Catalog, dimension: int, options: StoreOptions) -> str:
    """Remove what a move to another store has left, or one that was interrupted; why not, if that fails."""
    names, left = stale_in(catalog), {}
    for name in names - {name_in(catalog)}:
        try:
            remove_index(name, folder, catalog, dimension, options)
        except (RagbotError, OSError) as error:
            left[name] = f"the remains of the store {name} stay for now: {error}"
    if names != left.keys():
        catalog.put(STALE, " ".join(sorted(left)))
    return "; ".join(left[name] for name in sorted(left))


def stale_in(catalog: Catalog) -> set[str]:
    """The stores whose remains are to be removed."""
    return set((catalog.get(STALE) or "").split())


def _chroma(folder: Path, identity: str, dimension: int, options: StoreOptions) -> VectorStore:
    from ragbot.index.vectors.chroma import EmbeddedChroma

    return EmbeddedChroma(folder)


def _chroma_server(folder: Path, identity: str, dimension: int, options: StoreOptions) -> VectorStore:
    from ragbot.index.vectors.chroma_server import ChromaServer

    return ChromaServer(identity, options.chroma_url, options.chroma_token, options.timeout)


def _langchain(folder: Path, identity: str, dimension: int, options: StoreOptions) -> VectorStore:
    from ragbot.index.vectors.langchain import LangChainVectors

    return LangChainVectors(folder, identity, dimension, options.langchain)


_BUILT_IN: dict[str, Callable[[Path, str, int, StoreOptions], VectorStore]] = {
    "chroma": _chroma,
    "chroma-server": _chroma_server,
    "langchain": _langchain,
}


def _points() -> importlib.metadata.EntryPoints:
    return importlib.metadata.entry_points(group=GROUP)

"""Any LangChain ``VectorStore`` as a place for our vectors: it is handed ids and vectors, and never a text.

LangChain's stores embed what they are given. Ours are given placeholders, "ragbot-IDENTITY-NUMBER", and an
``Embeddings`` that answers each with the vector computed before. What state the store is in stands in a file of ours,
because a ``VectorStore`` has no place for it.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.embeddings import Embeddings

from ragbot.errors import KnowledgeBaseError, SettingsError, VectorStoreError
from ragbot.index.segment import Ints
from ragbot.index.vectors.base import Floats
from ragbot.index.vectors.sealed import read_note, write_note
from ragbot.index.vectors.store import StoreState
from ragbot.models.embedders.base import Vectors

if TYPE_CHECKING:
    from langchain_core.vectorstores import VectorStore as LangChainStore

NAME = "langchain"
NOTE = "langchain.json"
_BATCH = 1_000


class Precomputed(Embeddings):
    """Answers a placeholder with its vector. Any other text, with which a store may ask for the dimension, gets
    :attr:`probe`, a unit vector."""

    def __init__(self, dimension: int) -> None:
        self._vectors: dict[str, list[float]] = {}
        self.probe = [1.0] + [0.0] * (dimension - 1)

    def give(self, names: list[str], vectors: Vectors) -> None:
        """The vectors that these placeholders stand for from now on; others are forgotten."""
        self._vectors = dict(zip(names, vectors.tolist(), strict=True))

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """See :class:`langchain_core.embeddings.Embeddings`."""
        return [self._vectors.get(text, self.probe) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """See :class:`langchain_core.embeddings.Embeddings`."""
        return self._vectors.get(text, self.probe)


class LangChainVectors:
    """See :class:`ragbot.index.vectors.store.VectorStore`.

    Args:
        folder: of the knowledge base.
        identity: of the catalog; it stands in every id, so that several knowledge bases may share a store.
        dimension: of the vectors.
        factory: ``package.module:name`` of a callable that takes an ``Embeddings`` and returns a ``VectorStore`` which
            ranks by inner product or cosine. If it has a parameter ``collection``, it is given a name for one as well.

    Raises:
        SettingsError: the factory is missing, or returns something else.
        VectorStoreError: the factory fails.
    """

    name = NAME
    filters = False
    exclusive = False

    def __init__(self, folder: Path, identity: str, dimension: int, factory: str) -> None:
        self._prefix = f"ragbot-{identity}"
        self._note = folder / NOTE
        self._factory = factory
        self._embeddings = Precomputed(dimension)
        self._store = _made(factory, self._embeddings, self._prefix)

    def upsert(self, ids: Ints, vectors: Vectors) -> None:
        """See the protocol; what is there already is taken out first, for not every store replaces."""
        with self._working("add"):
            for part in (slice(begin, begin + _BATCH) for begin in range(0, len(ids), _BATCH)):
                names = self._names(ids[part])
                self._take_out(ids[part])
                self._embeddings.give(names, vectors[part])
                try:
                    # Some stores cannot give a record without metadata back: the id once more says nothing new.
                    given = self._store.add_texts(names, [{"id": name} for name in names], ids=names)
                finally:
                    self._embeddings.give([], vectors[:0])
                if list(given) != names:
                    raise VectorStoreError(f"the store of {self._factory} does not keep the ids that it is given")

    def delete(self, ids: Ints) -> None:
        """See the protocol."""
        with self._working("delete"):
            for begin in range(0, len(ids), _BATCH):
                self._take_out(ids[begin : begin + _BATCH])

    def query(self, vector: Floats, k: int, allowed: Ints | None = None) -> Ints:
        """See the protocol; it does not filter."""
        if k < 1:
            return np.empty(0, np.int64)
        with self._working("search"):
            found = self._store.similarity_search_by_vector(vector.tolist(), k=k)
            # The placeholder is the document's text as well: some stores do not hand ids back.
            return self._numbers([str(document.id or document.page_content) for document in found])

    def vectors(self, ids: Ints) -> Vectors | None:
        """None: LangChain's contract has no way to ask."""
        return None

    def ids(self, of: Ints) -> Ints:
        """Which of ``of`` it holds. Raises VectorStoreError where the store cannot be asked by id."""
        with self._working("look up"):
            return np.unique(np.concatenate([np.empty(0, np.int64), *self._present(of)]))

    def state(self) -> StoreState | None:
        """See the protocol; None if the factory is another one than before, or the store is empty."""
        note = read_note(self._note)
        if note.get("factory") != self._factory:
            return None
        with self._working("search"):
            # One that lives in memory is empty in every new process.
            anything = self._store.similarity_search_by_vector(self._embeddings.probe, k=1)
        return StoreState.read(note.get("state")) if anything else None

    def put_state(self, state: StoreState) -> None:
        """See the protocol."""
        write_note(self._note, {"factory": self._factory, "state": asdict(state)})

    def clear(self, known: Ints) -> None:
        """See the protocol."""
        self._note.unlink(missing_ok=True)
        self.delete(known)

    def destroy(self, known: Ints) -> None:
        """See the protocol."""
        self.clear(known)
        self.close()

    def close(self) -> None:
        """LangChain's stores have no such thing."""

    def _take_out(self, ids: Ints) -> None:
        with suppress(NotImplementedError):  # one that cannot say what it holds is given all of them
            ids = np.concatenate([np.empty(0, np.int64), *self._present(ids)])
        if len(ids):
            self._store.delete(self._names(ids))

    def _present(self, ids: Ints) -> Iterator[Ints]:
        for begin in range(0, len(ids), _BATCH):
            found = self._store.get_by_ids(self._names(ids[begin : begin + _BATCH]))
            yield self._numbers([str(document.id or document.page_content) for document in found])

    def _names(self, ids: Ints) -> list[str]:
        return [f"{self._prefix}-{identity}" for identity in ids.tolist()]

    def _numbers(self, names: list[str]) -> Ints:
        prefix = f"{self._prefix}-"
        own = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
        return np.array([int(number) for number in own if number.isascii() and number.isdigit()], np.int64)

    @contextmanager
    def _working(self, verb: str) -> Iterator[None]:
        try:
            yield
        except KnowledgeBaseError:
            raise
        except Exception as error:  # whatever the store of a stranger raises
            reason = " ".join(str(error).split())[:200]
            raise VectorStoreError(
                f"the vector store of vectors.langchain = {self._factory} cannot {verb} ({type(error).__name__}: {reason})"
            ) from error


def _made(factory: str, embeddings: Embeddings, collection: str) -> LangChainStore:
    from langchain_core.vectorstores import VectorStore

    if not factory:
        raise SettingsError(
            "this knowledge base keeps its vectors in a LangChain store, and the setting vectors.langchain is empty: set it "
            "to package.module:factory"
        )
    module, _, name = factory.partition(":")
    make: Any = None
    try:
        with suppress(AttributeError):
            make = getattr(importlib.import_module(module), name) if module and name else None
    except Exception as error:  # whatever the module of a stranger raises
        raise SettingsError(
            f"vectors.langchain = {factory!r} cannot be imported ({type(error).__name__}: {error}): write package.module:factory"
        ) from error
    if not callable(make):
        raise SettingsError(f"vectors.langchain = {factory!r} names no function: write package.module:factory")
    try:
        options = {"collection": collection} if "collection" in inspect.signature(make).parameters else {}
        store = make(embeddings, **options)
    except Exception as error:
        raise VectorStoreError(
            f"vectors.langchain = {factory} failed ({type(error).__name__}: {error}); it is to return a vector store"
        ) from error
    if not isinstance(store, VectorStore):
        raise SettingsError(f"vectors.langchain = {factory!r} returned {type(store).__name__}, and no VectorStore")
    return store

"""A Chroma collection of ids and vectors; shared by the embedded database and the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbot.errors import MissingExtraError
from ragbot.index.segment import Ints
from ragbot.index.vectors.base import Floats
from ragbot.models.embedders.base import Vectors

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

#: Inner product, and a graph that finds 98 % and more of the nearest ten of sentence embeddings.
CONFIGURATION: dict[str, Any] = {"hnsw": {"space": "ip", "ef_construction": 200, "ef_search": 400, "max_neighbors": 32}}
#: Ids that are listed at once.
_PAGE = 100_000


def chromadb() -> Any:
    """The package. Raises MissingExtraError without it."""
    try:
        import chromadb as package
    except ModuleNotFoundError as error:
        raise MissingExtraError("a Chroma vector store", "chroma") from error
    return package


def quiet_settings(**options: Any) -> Any:
    """Chroma's settings, without telemetry."""
    chromadb()
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False, **options)


def make_collection(client: ClientAPI, name: str, metadata: dict[str, Any] | None = None) -> Collection:
    """The collection of that name, made if there is none; it never embeds anything itself."""
    return client.get_or_create_collection(
        name,
        embedding_function=None,
        configuration=CONFIGURATION,  # type: ignore[arg-type]  # their TypedDict is exported nowhere
        metadata=metadata,
    )


def upsert(collection: Collection, ids: Ints, vectors: Vectors, batch: int) -> None:
    """Put vectors in."""
    for part in _parts(ids, batch):
        collection.upsert(ids=_texts(ids[part]), embeddings=vectors[part])


def delete(collection: Collection, ids: Ints, batch: int) -> None:
    """Take vectors out."""
    for part in _parts(ids, batch):
        collection.delete(ids=_texts(ids[part]))


def query(collection: Collection, vector: Floats, k: int, allowed: Ints | None) -> Ints:
    """Ids of about the ``k`` nearest."""
    if k < 1:
        return np.empty(0, np.int64)
    found = collection.query(
        query_embeddings=[vector],  # type: ignore[arg-type]
        n_results=k,
        ids=None if allowed is None else _texts(allowed),
        include=[],
    )
    return _numbers(found["ids"][0])


def vectors_of(collection: Collection, ids: Ints, batch: int) -> Vectors | None:
    """The vectors of all these ids in their order, or None."""
    rows: dict[int, Any] = {}
    for part in _parts(ids, batch):
        found = collection.get(ids=_texts(ids[part]), include=["embeddings"])
        rows.update(zip(map(int, found["ids"]), found["embeddings"], strict=True))  # type: ignore[arg-type]
    if len(rows) != len(ids):
        return None
    return np.array([rows[identity] for identity in ids.tolist()], np.float32)


def all_ids(collection: Collection) -> Ints:
    """All ids, ascending."""
    pages = [_numbers(collection.get(limit=_PAGE, offset=0, include=[])["ids"])]
    while len(pages[-1]) == _PAGE:
        pages.append(_numbers(collection.get(limit=_PAGE, offset=_PAGE * len(pages), include=[])["ids"]))
    return np.unique(np.concatenate(pages))


def _parts(ids: Ints, batch: int) -> Iterator[slice]:
    return (slice(begin, begin + batch) for begin in range(0, len(ids), batch))


def _texts(ids: Ints) -> list[str]:
    return [str(identity) for identity in ids.tolist()]


def _numbers(ids: list[str]) -> Ints:
    # What somebody else put in has other names, and is none of ours.
    return np.array([int(text) for text in ids if text.isascii() and text.isdigit()], np.int64)

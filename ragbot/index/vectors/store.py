"""The contract of a vector store: somebody else's software, to which we hand ids and vectors and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ragbot.index.segment import Ints
from ragbot.index.vectors.base import Floats
from ragbot.models.embedders.base import Vectors


@dataclass(frozen=True, slots=True)
class StoreState:
    """What a store says of itself: of which catalog it is, and up to which change.

    ``token`` is drawn for every push and written down beside the catalog as well: a store that another copy of the
    folder has changed since is recognised. While ``changing``, there may be more in it than ``seq`` says.
    """

    identity: str
    dimension: int
    seq: int
    token: str
    changing: bool = False

    @classmethod
    def read(cls, fields: Mapping[str, object] | None) -> StoreState | None:
        """Of what a store has kept; None where that is no state."""
        types = {"identity": str, "dimension": int, "seq": int, "token": str, "changing": bool}
        if not fields or any(type(fields.get(name)) is not kind for name, kind in types.items()):
            return None
        return cls(**{name: fields[name] for name in types})  # type: ignore[arg-type]


class VectorStore(Protocol):
    """A place for vectors by id; nothing else is ever handed to it: no text, no metadata.

    Every method raises :class:`ragbot.errors.VectorStoreError` where the store is away or refuses, and no other error.
    """

    #: The name under which a knowledge base knows it; lower-case letters, digits and hyphens.
    name: str
    #: Whether :meth:`query` can restrict itself to ids; otherwise more are asked for, and filtered here.
    filters: bool
    #: Whether no other process can use it meanwhile: it is then brought up on opening.
    exclusive: bool

    def upsert(self, ids: Ints, vectors: Vectors) -> None:
        """Put float32 vectors of unit length in, or in the place of those of the same ids."""

    def delete(self, ids: Ints) -> None:
        """Take vectors out; ids that it does not hold are passed over."""

    def query(self, vector: Floats, k: int, allowed: Ints | None = None) -> Ints:
        """Ids of about the ``k`` nearest by inner product, in any order; of ``allowed`` only, where it filters."""

    def vectors(self, ids: Ints) -> Vectors | None:
        """The vectors of all these ids in their order, exactly as they came; None if it cannot give them."""

    def ids(self, of: Ints) -> Ints:
        """Ids that it holds, ascending; one that cannot list them tells which of ``of`` it holds."""

    def state(self) -> StoreState | None:
        """What was put last; None if there is none, or if the store was emptied since."""

    def put_state(self, state: StoreState) -> None:
        """Note the state, durably, after everything before it."""

    def clear(self, known: Ints) -> None:
        """Forget the state, then everything that is held; ``known`` are all ids that may be in it."""

    def destroy(self, known: Ints) -> None:
        """Remove all that there is of it, and close it."""

    def close(self) -> None:
        """Close it; once is enough, and twice harmless."""


def members_file(name: str) -> str:
    """The file of a store's members in the folder of the knowledge base."""
    return f"members-{name}.ragbot"


def tokens_file(name: str) -> str:
    """The file of the tokens that a store may show."""
    return f"store-{name}.json"

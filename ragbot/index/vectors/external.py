"""Vectors in somebody else's store: it finds candidates, and everything else stays ours and exact.

A store holds ids and vectors, and says which change of which catalog it has reached. Members, groups and moments are
ours (:mod:`ragbot.index.vectors.members`); what a store finds is scored again with the catalog's embeddings. Only who
holds the writer's lock pushes to it. Everybody searches exactly what is newer than the store, and all of the catalog
where the store is away or not to be trusted.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ragbot.errors import CorruptError, VectorStoreError
from ragbot.index.catalog import Catalog
from ragbot.index.container import read_container, replace_file, write_container
from ragbot.index.segment import Ints
from ragbot.index.vectors.base import Floats
from ragbot.index.vectors.exact import BATCH, ExactSearch
from ragbot.index.vectors.members import Members
from ragbot.index.vectors.store import StoreState, VectorStore, members_file, tokens_file
from ragbot.models.embedders.base import Vectors

log = logging.getLogger(__name__)

KIND = "members"
#: A filter that lets no more chunks pass is searched exactly: faster than a store can filter.
EXACT_UP_TO = 2_000
#: A store that cannot filter is asked for at most so many, before all allowed chunks are searched exactly.
_MOST = 5_000
#: Seconds for which what a store said of itself is believed, and for which one that failed is left alone.
_BELIEVED, _LEFT_ALONE = 1.0, 5.0
_NOBODY: Ints = np.empty(0, np.int64)


class ExternalIndex:
    """A :class:`ragbot.index.vectors.base.VectorIndex` over a :class:`VectorStore`. Use :meth:`load` or :meth:`fresh`."""

    def __init__(self, store: VectorStore, folder: Path, catalog: Catalog, members: Members, seq: int) -> None:
        self.seq = seq
        self.store = store
        self._folder = folder
        self._catalog = catalog
        self._members = members
        self._exact = ExactSearch(catalog, members.dimension)
        self._again = False
        self._ready: StoreState | None = None
        self._pending, self._gone, self._lag_of = _NOBODY, 0, (-1, -1)
        self._look_at = 0.0
        self._told = False

    @classmethod
    def load(cls, store: VectorStore, folder: Path, catalog: Catalog, dimension: int) -> ExternalIndex:
        """With the stored members, or none (to be replayed from the catalog) where they are missing, damaged, or
        another catalog's."""
        members, seq = Members(dimension), 0
        try:
            metadata, arrays = read_container(folder / members_file(store.name), KIND)
            fits = (metadata["dimension"], metadata["catalog"]) == (dimension, catalog.identity)
            if fits and metadata["seq"] <= catalog.seq:
                members, seq = Members.restored(metadata, arrays, dimension), metadata["seq"]
        except FileNotFoundError:
            pass
        except CorruptError as error:
            log.warning("%s; it is made again from the catalog", error)
        return cls(store, folder, catalog, members, seq)

    @classmethod
    def fresh(cls, store: VectorStore, folder: Path, catalog: Catalog, dimension: int) -> ExternalIndex:
        """An empty one, whose first save empties the store and fills it from the catalog."""
        index = cls(store, folder, catalog, Members(dimension), 0)
        index._again = True
        return index

    def __len__(self) -> int:
        return len(self._members)

    @property
    def description(self) -> str:
        """The store's name."""
        return self.store.name

    @property
    def behind(self) -> bool:
        """Whether the store lacks something, or cannot be asked."""
        return self.behind_of(self.seq)

    def behind_of(self, seq: int) -> bool:
        """Whether the store has not reached this change."""
        self._look(now=True)
        return self._ready is None or self._ready.changing or self._ready.seq < seq

    def ids(self) -> Ints:
        """All ids, ascending."""
        return self._members.ids

    # -- changes -------------------------------------------------------------------------------------------------

    def apply(
        self, seq: int, removed: Sequence[int], added: Sequence[int], vectors: Vectors, groups: Sequence[str] = ()
    ) -> None:
        """See :class:`ragbot.index.vectors.base.VectorIndex`; the store is changed by :meth:`save` alone."""
        gone = np.array(sorted({*removed, *added}), np.int64)
        gone = gone[self._members.holds(gone)]
        if len(gone):
            self._members.remove(gone, self._vectors_of_removed(gone))
        if added:
            self._members.add(added, groups, vectors)
            self._exact.keep(added, vectors)
        self.seq = seq

    def save(self, folder: Path, identity: str = "") -> None:
        """Store the members, then bring the store up. Only for who holds the writer's lock.

        Raises:
            VectorStoreError: the store is away or refuses; the next call goes on where this one stopped.
            StorageError: our own files cannot be written.
        """
        self._recount()
        metadata, arrays = self._members.stored()
        own = {"seq": self.seq, "catalog": identity, "dimension": self._members.dimension}
        write_container(folder / members_file(self.store.name), KIND, {**metadata, **own}, arrays)
        self._push(identity)

    def _push(self, identity: str) -> None:
        state = self.store.state()
        if self._again or state is None or not self._trusted(state):
            self.store.clear(self._catalog.all_chunk_ids())
            state = StoreState(identity, self._members.dimension, 0, "")
        elif not state.changing and state.seq == self._catalog.seq:
            return
        token = secrets.token_hex(8)
        self._write_tokens([state.token, token])
        self.store.put_state(replace(state, token=token, changing=True))
        reached = state.seq
        for changes in self._catalog.changes(reached):
            if changes.removed:
                self.store.delete(np.array(sorted(set(changes.removed)), np.int64))
            if changes.added:
                self.store.upsert(np.array(changes.added, np.int64), changes.vectors)
            reached = changes.seq
            self.store.put_state(replace(state, seq=reached, token=token, changing=True))
        self.store.put_state(replace(state, seq=reached, token=token, changing=False))
        self._write_tokens([token])
        self._again, self._look_at = False, 0.0

    def _vectors_of_removed(self, ids: Ints) -> Vectors | None:
        """From memory, or from a store that still has them; None: the moments are to be counted again."""
        found, vectors = self._exact.rows(ids)
        if found.all():
            return vectors
        try:
            given = self.store.vectors(ids[~found]) if self._ready else None
        except VectorStoreError:
            return None  # told of at the next question
        if given is None or not np.allclose(np.linalg.norm(given, axis=1), 1, atol=1e-3):
            return None
        vectors[~found] = given
        return vectors

    def _recount(self) -> None:
        if self._members.exact:
            return
        ids = self._members.ids
        batches = (self._catalog.vectors_of(ids[at : at + BATCH].tolist()) for at in range(0, len(ids), BATCH))
        try:
            self._members.recount(batches)
        except ValueError:  # another process removed some of them just now: the next refresh counts again
            log.debug("the catalog changed while the moments were counted")

    # -- questions -----------------------------------------------------------------------------------------------

    def top(self, query: Floats, k: int, allowed: Ints | None = None) -> Ints:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        held = self._members.ids if allowed is None else np.unique(allowed)
        if allowed is not None:
            held = held[self._members.holds(held)]
        if not len(held) or k < 1:
            return _NOBODY
        self._look()
        if self._ready is None or (allowed is not None and len(held) <= EXACT_UP_TO):
            return self._exact.top(query, k, held)
        pending = np.intersect1d(self._pending, held, assume_unique=True)
        try:
            found = self._found(query, k, held, pending, allowed is not None)
        except VectorStoreError as error:
            self._failed(error)
            found = None
        return self._exact.top(query, k, held if found is None else np.union1d(found, pending))

    def nearest(self, query: Floats, k: int, allowed: Ints | None = None) -> Ints:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        groups = self._members.large()
        found = [self.top(query, k, allowed)]
        if len(groups) < 2:
            return found[0]
        for ids in groups.values():
            found.append(self.top(query, k, ids if allowed is None else np.intersect1d(ids, allowed)))
        return np.unique(np.concatenate(found))

    def of(self, query: Floats, wanted: Ints) -> Floats:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        return self._exact.scores(query, wanted)

    def groups_of(self, ids: Ints) -> npt.NDArray[np.str_]:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        return self._members.groups_of(ids)

    def scales(self, query: Floats, wanted: Ints) -> tuple[Floats, Floats]:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        self._recount()
        return self._members.scales(query, wanted)

    def moments(self, query: Floats) -> tuple[float, float]:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        self._recount()
        return self._members.moments(query)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def _found(self, query: Floats, k: int, held: Ints, pending: Ints, filtered: bool) -> Ints | None:
        """What the store finds of those it should hold; None if it does not find enough."""
        settled = np.setdiff1d(held, pending, assume_unique=True) if len(pending) else held
        wanted = min(k, len(settled))
        if not wanted:
            return _NOBODY
        if filtered and self.store.filters:
            found = np.intersect1d(self.store.query(query, wanted, settled), settled)
            return found if len(found) >= wanted else None
        # More than is wanted: some are filtered here, and some are gone already or not settled yet.
        limit = len(self._members) + self._gone
        asked = wanted * (2 * len(self._members) // len(settled) if filtered else 1) + self._gone + len(self._pending)
        while asked <= max(_MOST, k):
            found = np.intersect1d(self.store.query(query, min(asked, limit)), settled)
            if len(found) >= wanted:
                return found
            if asked >= limit:
                break
            asked = 4 * asked
        return None

    # -- what the store says of itself ---------------------------------------------------------------------------

    def _look(self, now: bool = False) -> None:
        """Learn how far the store is, and what it therefore lacks."""
        if now or time.monotonic() >= self._look_at:
            try:
                state = self.store.state()
            except VectorStoreError as error:
                self._failed(error)
                return
            self._look_at = time.monotonic() + _BELIEVED
            self._ready = state if state and self._trusted(state) and not self._again else None
            if self._ready is None:
                self._tell(f"the store {self.store.name} holds nothing of this catalog")
            elif self._told:
                self._told = False
                log.info("the store %s serves again", self.store.name)
        if self._ready and self._lag_of != (self._ready.seq, self.seq):
            self._pending, self._gone = self._catalog.lag(self._ready.seq)
            self._lag_of = (self._ready.seq, self.seq)

    def _failed(self, error: VectorStoreError) -> None:
        self._ready, self._look_at = None, time.monotonic() + _LEFT_ALONE
        self._tell(str(error))

    def _tell(self, reason: str) -> None:
        if not self._told and len(self._members):
            log.warning("%s; searches read the catalog until a change of the documents brings it up", reason)
            self._told = True

    def _trusted(self, state: StoreState) -> bool:
        return (
            (state.identity, state.dimension) == (self._catalog.identity, self._members.dimension)
            and 0 <= state.seq <= self._catalog.seq
            and state.token in self._tokens()
        )

    def _tokens(self) -> list[str]:
        try:
            tokens = json.loads((self._folder / tokens_file(self.store.name)).read_text(encoding="utf-8"))["tokens"]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return [token for token in tokens if isinstance(token, str) and token]

    def _write_tokens(self, tokens: Sequence[str]) -> None:
        content = json.dumps({"tokens": [token for token in tokens if token]})
        replace_file(self._folder / tokens_file(self.store.name), [content.encode()])

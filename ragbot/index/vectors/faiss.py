"""Vectors in FAISS: exact while they are few, codes in lists when they are many, in checksummed parts on the disk.

A search looks for candidates in memory (:mod:`ragbot.index.vectors.faiss_search`) and puts them in order by their exact
vectors, mapped from the parts. A save writes what is new, and the parts from which something was deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ragbot.errors import CorruptError
from ragbot.index.container import read_container, write_container
from ragbot.index.segment import Ints
from ragbot.index.vectors.base import Floats
from ragbot.index.vectors.faiss_groups import Groups
from ragbot.index.vectors.faiss_part import Part, unused_name
from ragbot.index.vectors.faiss_parts import Parts, Truth
from ragbot.index.vectors.faiss_quantizer import Lists, Quantizer, lists_for, sample_size
from ragbot.index.vectors.faiss_search import ExactSearcher, ListSearcher, Searcher
from ragbot.index.vectors.members import Members
from ragbot.memory import give_back
from ragbot.models.embedders.base import Vectors

log = logging.getLogger(__name__)

KIND = "faiss-parts"
FILE_NAME = "vectors.ragbot"
#: Times that a stored index is read before it is given up.
_ATTEMPTS = 3
#: So few that may be found are all compared exactly.
_FEW = 1_000


class FaissIndex:
    """See :class:`ragbot.index.vectors.base.VectorIndex`; ids are chunk ids, not negative, and not sparse (they are
    marked in bitmaps).

    Args:
        dimension: of the vectors.
        truth: gives exact vectors by id where a stored row is damaged; None to raise CorruptError there.
        lists: 0 to compare all exactly, 1 to scan codes, more for so many lists; None to choose by size.
    """

    def __init__(self, dimension: int, truth: Truth | None = None, lists: int | None = None) -> None:
        self.seq = 0
        self.dimension = dimension
        self._members = Members(dimension)
        self._parts = Parts(dimension, truth)
        self._fixed = lists
        # What is searched is made when it is first needed, so that it fits what is there by then.
        self._searcher: Searcher | None = None
        self._lists: Lists = np.empty(0, np.int32)  # of each id of the members
        self._groups: Groups | None = None
        self._quantizer_name: str | None = None

    def __len__(self) -> int:
        return len(self._members)

    def ids(self) -> Ints:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        return self._members.ids

    @property
    def description(self) -> str:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        return self._ready().description

    def apply(
        self, seq: int, removed: Sequence[int], added: Sequence[int], vectors: Vectors, groups: Sequence[str] = ()
    ) -> None:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        gone = np.array(sorted({*removed, *added}), np.int64)
        gone = gone[self._members.holds(gone)]
        if len(gone):
            self._remove(gone)
        if len(added):
            self._add(np.array(added, np.int64), vectors, groups)
        self._groups = None
        self.seq = seq

    def nearest(self, query: Floats, k: int, allowed: Ints | None = None) -> Ints:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        if len(self._members.large()) < 2:
            return self.top(query, k, allowed)
        candidates = self._candidates(query, k, allowed, by_group=True)
        ids = self._ordered(query, candidates)
        of = self._grouped().of(ids)
        return np.unique(
            np.concatenate([ids[:k], *(ids[of == number][:k] for number in range(of.max(initial=-1) + 1))])
        )

    def top(self, query: Floats, k: int, allowed: Ints | None = None) -> Ints:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        return self._ordered(query, self._candidates(query, k, allowed, by_group=False))[:k]

    def scales(self, query: Floats, wanted: Ints) -> tuple[Floats, Floats]:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        return self._members.scales(query, wanted)

    def of(self, query: Floats, wanted: Ints) -> Floats:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        # Each row by itself: a matrix product may round two equal vectors differently.
        scores: Floats = np.einsum("ij,j->i", self._parts.vectors(wanted), query.astype(np.float32))
        return scores

    def moments(self, query: Floats) -> tuple[float, float]:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        return self._members.moments(query)

    def save(self, folder: Path, identity: str = "") -> None:
        """Store what is not stored yet, then the manifest that names it, then drop files that it no longer names.

        No vector of what was deleted is in any file afterwards. Raises StorageError.
        """
        searcher = self._searcher
        if searcher is None or searcher.lists != self._wanted():
            searcher = self._renewed()
        quantizer = searcher.quantizer if isinstance(searcher, ListSearcher) else None
        self._parts.tidy(folder)
        if quantizer is None:
            self._quantizer_name = None
        elif self._quantizer_name is None or not (folder / self._quantizer_name).exists():
            name = unused_name()
            quantizer.write(folder / name)
            self._quantizer_name = name
        for part in self._parts:
            if part.name is None:
                part.write(folder, quantizer, self._lists[np.searchsorted(self.ids(), part.ids)])
        members, arrays = self._members.stored()
        metadata = {
            "seq": self.seq,
            "catalog": identity,
            "dimension": self.dimension,
            "description": searcher.description,
            "quantizer": self._quantizer_name,
            "parts": [part.name for part in self._parts],
        }
        write_container(folder / FILE_NAME, KIND, {**members, **metadata}, arrays)
        named = {self._quantizer_name, *(name for part in self._parts for name in (part.name, part.rows_name))}
        for path in folder.glob("vectors-*.ragbot*"):
            if path.name not in named:
                path.unlink(missing_ok=True)

    @classmethod
    def load(
        cls,
        folder: Path,
        dimension: int,
        newest: int,
        identity: str = "",
        truth: Truth | None = None,
        lists: int | None = None,
    ) -> FaissIndex:
        """The stored index, or an empty one (to be filled from the catalog) where it is missing, damaged or outdated,
        or another catalog's."""
        for _ in range(_ATTEMPTS):
            index = cls(dimension, truth, lists)
            try:
                metadata, arrays = read_container(folder / FILE_NAME, KIND)
                if (metadata["dimension"], metadata["catalog"]) != (dimension, identity) or metadata["seq"] > newest:
                    return index
                index._read(folder, metadata, arrays)
                return index
            except FileNotFoundError:
                continue  # a writer may have merged a part away since this was read: it names others now
            except CorruptError as error:
                log.warning("%s; the vector index is built again from the catalog", error)
                break
        return cls(dimension, truth, lists)

    def _read(self, folder: Path, metadata: dict[str, Any], arrays: dict[str, Any]) -> None:
        self._members = Members.restored(metadata, arrays, self.dimension)
        self._lists = np.zeros(len(self), np.int32)
        name = metadata["quantizer"]
        searcher: Searcher = ExactSearcher(self.dimension)
        if name is not None:
            self._quantizer_name = Path(name).name
            searcher = ListSearcher(Quantizer.read(folder / self._quantizer_name))
        read = [Part.read(folder, Path(part_name).name) for part_name in metadata["parts"]]
        held = np.concatenate([np.empty(0, np.int64), *(part.ids for part, _ in read)])
        if not np.array_equal(np.sort(held), self.ids()):
            raise CorruptError(f"{folder / FILE_NAME} and its parts do not hold the same vectors")
        for part, coded in read:
            self._parts.append(part)
            if isinstance(searcher, ListSearcher):
                if coded is None:
                    raise CorruptError(f"{folder / str(part.name)} has no codes")
                searcher.add_codes(part.ids, coded.codes, coded.lists)
                self._lists[np.searchsorted(self.ids(), part.ids)] = coded.lists
        if isinstance(searcher, ExactSearcher):
            for ids, vectors in self._parts.batches():
                searcher.add(ids, vectors, np.zeros(len(ids), np.int32))
        self._searcher, self.seq = searcher, metadata["seq"]

    def _add(self, ids: Ints, vectors: Vectors, groups: Sequence[str]) -> None:
        before = self.ids()
        self._members.add(ids, groups, vectors)
        self._parts.add(ids, vectors)
        if self._searcher is not None:
            lists = self._searcher.assign(vectors)
            self._searcher.add(ids, vectors, lists)
            order = np.argsort(ids, kind="stable")
            self._lists = np.insert(self._lists, np.searchsorted(before, ids[order]), lists[order])

    def _remove(self, gone: Ints) -> None:
        keep = ~np.isin(self.ids(), gone)
        try:
            vectors = self._parts.vectors(gone)
        except CorruptError:  # the catalog has deleted them already: their share of the moments is unknown
            vectors = None
        self._parts.remove(gone)
        self._members.remove(gone, vectors)
        if not self._members.exact:
            self._members.recount(self._parts.batches())
        if self._searcher is not None:
            self._searcher.remove(gone)
            self._lists = self._lists[keep]

    def _ready(self) -> Searcher:
        return self._searcher or self._renewed()

    def _wanted(self) -> int:
        if self._fixed is not None:
            return self._fixed if len(self) else 0  # there is nothing to learn from
        return lists_for(len(self), self._searcher.lists if self._searcher else None)

    def _renewed(self) -> Searcher:
        """Make what is searched anew, of the class that fits the number of vectors."""
        lists = self._wanted()
        self._searcher = None  # two at once would hold all codes twice
        give_back()
        searcher: Searcher = ExactSearcher(self.dimension)
        if lists:
            places = np.linspace(0, len(self) - 1, min(len(self), sample_size(lists))).astype(np.int64)
            searcher = ListSearcher(Quantizer.train(self._parts.vectors(self.ids()[places], many=True), lists))
        self._lists = np.zeros(len(self), np.int32)
        for ids, vectors in self._parts.batches():
            found = searcher.assign(vectors)
            searcher.add(ids, vectors, found)
            self._lists[np.searchsorted(self.ids(), ids)] = found
        self._parts.forget_codes()
        self._searcher, self._groups, self._quantizer_name = searcher, None, None
        return searcher

    def _grouped(self) -> Groups:
        if self._groups is None:
            self._groups = Groups(self._members, self._lists, max(self._ready().lists, 1))
        return self._groups

    def _candidates(self, query: Floats, k: int, allowed: Ints | None, by_group: bool) -> Ints:
        """Among these are the ``k`` nearest of all, and ``by_group`` those of each large group."""
        searcher = self._ready()
        if allowed is not None:
            allowed = np.unique(allowed)
            allowed = allowed[self._members.holds(allowed)]
            if len(allowed) <= _FEW:
                return allowed
        choices = self._grouped().choices(allowed, by_group)
        found = [searcher.candidates(query, k, bits, sizes) for bits, sizes in choices]
        return np.concatenate([np.empty(0, np.int64), *found])

    def _ordered(self, query: Floats, ids: Ints) -> Ints:
        return ids[np.lexsort((ids, -self.of(query, ids)))]

"""Vectors in FAISS: exact while they are few, codes when they are many, in checksummed parts on the disk.

A search looks for candidates in memory (:mod:`ragbot.index.vectors.faiss_search`) and puts them in order by their exact
vectors, mapped from the parts. A save writes what is new, and the parts from which something was deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ragbot.errors import CorruptError
from ragbot.index.container import read_container, write_container
from ragbot.index.segment import Ints
from ragbot.index.vectors.base import Floats
from ragbot.index.vectors.faiss_part import Part, unused_name
from ragbot.index.vectors.faiss_parts import Parts, Truth
from ragbot.index.vectors.faiss_quantizer import SAMPLE, Quantizer, coded
from ragbot.index.vectors.faiss_search import CodeSearcher, ExactSearcher, Searcher
from ragbot.index.vectors.members import Members
from ragbot.memory import give_back
from ragbot.models.embedders.base import Vectors

log = logging.getLogger(__name__)

KIND = "faiss-parts"
FILE_NAME = "vectors.ragbot"
#: How codes are made; those of another way are made again.
CODES = "pq4"
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
        codes: whether to search codes, or to compare all exactly; None to choose by size.
    """

    def __init__(self, dimension: int, truth: Truth | None = None, codes: bool | None = None) -> None:
        self.seq = 0
        self.dimension = dimension
        self._members = Members(dimension)
        self._parts = Parts(dimension, truth)
        self._fixed = codes
        # What is searched is made when it is first needed, so that it fits what is there by then.
        self._searcher: Searcher | None = None
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
        self.seq = seq

    def nearest(self, query: Floats, k: int, allowed: Ints | None = None) -> Ints:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        ids = self._ordered(query, self._candidates(query, k, allowed))
        large = self._members.large_numbers()
        if len(large) < 2:
            return np.sort(ids[:k])
        of = self._members.group_of(ids)
        return np.unique(np.concatenate([ids[:k], *(ids[of == number][:k] for number in large)]))

    def top(self, query: Floats, k: int, allowed: Ints | None = None) -> Ints:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        return self._ordered(query, self._candidates(query, k, allowed))[:k]

    def groups_of(self, ids: Ints) -> npt.NDArray[np.str_]:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        return self._members.groups_of(ids)

    def scales(self, query: Floats, wanted: Ints) -> tuple[Floats, Floats]:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        return self._members.scales(query, wanted)

    def of(self, query: Floats, wanted: Ints) -> Floats:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        return self._parts.scores(query.astype(np.float32, copy=False), wanted)

    def moments(self, query: Floats) -> tuple[float, float]:
        """See :class:`ragbot.index.vectors.base.VectorIndex`."""
        return self._members.moments(query)

    def save(self, folder: Path, identity: str = "") -> None:
        """Store what is not stored yet, then the manifest that names it, then drop files that it no longer names.

        No vector of what was deleted is in any file afterwards. Raises StorageError.
        """
        searcher = self._searcher
        if searcher is None or (searcher.quantizer is not None) != self._wanted():
            searcher = self._renewed()
        quantizer = searcher.quantizer
        self._parts.tidy(folder)
        if quantizer is None:
            self._quantizer_name = None
        elif self._quantizer_name is None or not (folder / self._quantizer_name).exists():
            name = unused_name()
            quantizer.write(folder / name)
            self._quantizer_name = name
        for part in self._parts:
            if part.name is None:
                part.write(folder, quantizer)
        members, arrays = self._members.stored()
        metadata = {
            "seq": self.seq,
            "catalog": identity,
            "dimension": self.dimension,
            "description": searcher.description,
            "quantizer": self._quantizer_name,
            "codes": CODES,
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
        codes: bool | None = None,
    ) -> FaissIndex:
        """The stored index, or an empty one (to be filled from the catalog) where it is missing, damaged or outdated,
        or another catalog's."""
        for _ in range(_ATTEMPTS):
            index = cls(dimension, truth, codes)
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
        return cls(dimension, truth, codes)

    def _read(self, folder: Path, metadata: dict[str, Any], arrays: dict[str, Any]) -> None:
        self._members = Members.restored(metadata, arrays, self.dimension)
        name = metadata["quantizer"]
        read = [Part.read(folder, Path(part_name).name) for part_name in metadata["parts"]]
        held = np.concatenate([np.empty(0, np.int64), *(part.ids for part, _ in read)])
        if not np.array_equal(np.sort(held), self.ids()):
            raise CorruptError(f"{folder / FILE_NAME} and its parts do not hold the same vectors")
        for part, _ in read:
            self._parts.append(part)
        self.seq = metadata["seq"]
        if name is None:
            self._searcher = self._filled(ExactSearcher(self.dimension))
        elif metadata.get("codes") != CODES:  # of an older version: they are made again from the rows
            self._parts.forget_codes()
        else:
            codes = [codes for _, codes in read if codes is not None]
            if len(codes) < len(read):
                raise CorruptError(f"{folder / FILE_NAME} has parts without codes")
            self._quantizer_name = Path(name).name
            searcher = CodeSearcher(Quantizer.read(folder / self._quantizer_name))
            if read:
                searcher.fill(held, np.concatenate(codes), self._members.group_of(held))
            self._searcher = searcher

    def _add(self, ids: Ints, vectors: Vectors, groups: Sequence[str]) -> None:
        self._members.add(ids, groups, vectors)
        self._parts.add(ids, vectors)
        if self._searcher is not None:
            self._searcher.add(ids, vectors, self._members.group_of(ids))

    def _remove(self, gone: Ints) -> None:
        groups = self._members.group_of(gone)
        try:
            vectors = self._parts.vectors(gone)
        except CorruptError:  # the catalog has deleted them already: their share of the moments is unknown
            vectors = None
        self._parts.remove(gone)
        self._members.remove(gone, vectors)
        if not self._members.exact:
            self._members.recount(self._parts.batches())
        if self._searcher is not None:
            self._searcher.remove(gone, groups)

    def _ready(self) -> Searcher:
        return self._searcher or self._renewed()

    def _wanted(self) -> bool:
        if self._fixed is not None:
            return self._fixed and len(self) > 0  # of nothing there is nothing to learn
        now = None if self._searcher is None else self._searcher.quantizer is not None
        return coded(len(self), now)

    def _renewed(self) -> Searcher:
        """Make what is searched anew, of the kind that fits the number of vectors."""
        codes = self._wanted()
        self._searcher = None  # two at once would hold all codes twice
        give_back()
        searcher: Searcher = ExactSearcher(self.dimension)
        if codes:
            places = np.linspace(0, len(self) - 1, min(len(self), SAMPLE)).astype(np.int64)
            searcher = CodeSearcher(Quantizer.train(self._parts.vectors(self.ids()[places], many=True)))
        self._parts.forget_codes()
        self._searcher, self._quantizer_name = self._filled(searcher), None
        return self._searcher

    def _filled(self, searcher: Searcher) -> Searcher:
        for ids, vectors in self._parts.batches():
            searcher.add(ids, vectors, self._members.group_of(ids))
        return searcher

    def _candidates(self, query: Floats, k: int, allowed: Ints | None) -> Ints:
        """Among these are the ``k`` nearest of all, and those of each group."""
        bits = None
        if allowed is not None:
            allowed = allowed[self._members.holds(allowed)]
            if len(allowed) <= _FEW:
                return np.unique(allowed)
            marks = np.zeros(int(self.ids()[-1]) + 1, bool)
            marks[allowed] = True
            bits = np.packbits(marks, bitorder="little")
        return self._ready().candidates(query, k, bits)

    def _ordered(self, query: Floats, ids: Ints) -> Ints:
        return ids[np.lexsort((ids, -self.of(query, ids)))]

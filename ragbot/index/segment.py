"""One immutable part of the lexical index: which chunks hold which term how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from ragbot.errors import CorruptError
from ragbot.index.container import read_container, write_container

KIND = "lexical-segment"
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
_ARRAYS = {"ids", "lengths", "hashes", "blob", "offsets", "indptr", "rows", "pairs", "kinds"}
#: Bits of a count in an entry of ``pairs``; what does not fit is held at the largest.
_COUNT_BITS = 16
_LARGEST = (1 << _COUNT_BITS) - 1


@dataclass(frozen=True)
class Terms:
    """Terms as they are looked up: as bytes, and by their XXH3 hash of 64 bits."""

    encoded: list[bytes]
    hashes: Hashes

    @classmethod
    def of(cls, terms: Sequence[str]) -> Terms:
        """These terms, in their order."""
        encoded = [term.encode("utf-8", "surrogatepass") for term in terms]
        return cls(encoded, np.fromiter(map(xxhash.xxh3_64_intdigest, encoded), np.uint64, len(encoded)))


class Segment:
    """Postings of some chunks, as flat arrays that can be mapped from a file.

    ``ids`` (ascending) and ``lengths`` have one entry a chunk (a *row*). Terms are in the order of their hashes, then
    lengths. The postings of term ``t`` are ``rows[indptr[t]:indptr[t + 1]]``. How often it stands in each, and how
    long that chunk is, is all that its score depends on: ``pairs`` has every such pair that occurs, ascending (length,
    then count), and ``kinds`` the place there of each posting, so that BM25 divides once a pair and not once a posting.
    """

    def __init__(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        self._arrays = arrays
        self.ids: Ints = arrays["ids"]
        self.lengths = arrays["lengths"]
        #: Terms in all chunks.
        self.total = int(self.lengths.sum(dtype=np.int64))
        self._hashes, self._blob, self._offsets = arrays["hashes"], arrays["blob"], arrays["offsets"]
        self._indptr, self._rows = arrays["indptr"], arrays["rows"]
        self._pairs, self._kinds = arrays["pairs"], arrays["kinds"]
        self._saturated: tuple[tuple[float, float, float], Floats] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def build(cls, ids: Sequence[int], documents: Sequence[Sequence[str]]) -> Segment:
        """A segment of these chunks; ``documents`` are their terms, ``ids`` ascend."""
        numbers: dict[str, int] = {}  # of the terms, as they come
        flat = np.fromiter((numbers.setdefault(term, len(numbers)) for words in documents for term in words), np.int64)
        lengths = np.array([len(words) for words in documents], np.int64)
        terms = Terms.of(list(numbers))
        widths = np.fromiter(map(len, terms.encoded), np.int64, len(terms.encoded))
        order = np.lexsort((widths, terms.hashes))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        # A pair of term and row as one number: sorting them sorts the postings.
        width = max(len(documents), 1)
        cells, counts = np.unique(
            place[flat] * width + np.repeat(np.arange(len(documents)), lengths), return_counts=True
        )
        rows = cells % width
        pairs, kinds = _distinct((lengths[rows] << _COUNT_BITS) | np.minimum(counts, _LARGEST))
        return cls(
            {
                "ids": np.array(ids, np.int64),
                "lengths": lengths.astype(np.int32),
                "hashes": terms.hashes[order],
                "blob": np.frombuffer(b"".join(terms.encoded[number] for number in order.tolist()), np.uint8),
                "offsets": _starts(widths[order]),
                "indptr": _starts(np.bincount(cells // width, minlength=len(order))),
                "rows": rows.astype(np.int32),
                "pairs": pairs,
                "kinds": kinds,
            }
        )

    @classmethod
    def merge(cls, segments: Sequence[Segment], alive: Sequence[Mask]) -> Segment:
        """One segment of the rows that are alive in several."""
        parts = [s if keep.all() else s.kept(keep) for s, keep in zip(segments, alive, strict=True)]
        hashes = np.concatenate([part._hashes for part in parts])
        widths = np.concatenate([np.diff(part._offsets) for part in parts])
        offsets = np.concatenate([part._offsets[:-1] + base for part, base in zip(parts, _bases(parts), strict=True)])
        blob = np.concatenate([part._blob for part in parts])
        order, first = _distinct_terms(hashes, widths, offsets, blob)
        place = np.empty(len(order), np.int64)  # of each term of each part among all
        place[order] = np.cumsum(first) - 1
        chosen = order[first]
        sizes = np.bincount(place, np.concatenate([np.diff(part._indptr) for part in parts]), len(chosen))
        indptr = _starts(sizes.astype(np.int64))
        pairs, kinds_of = _distinct(np.concatenate([part._pairs for part in parts]))
        rows = np.empty(int(indptr[-1]), np.int32)
        kinds = np.empty(int(indptr[-1]), kinds_of.dtype)
        free, term, row, pair = indptr[:-1].copy(), 0, 0, 0
        for part in parts:
            own = place[term : term + len(part._hashes)]
            counts = np.diff(part._indptr)
            to = np.repeat(free[own] - part._indptr[:-1], counts) + np.arange(len(part._rows))
            rows[to] = part._rows + np.int32(row)
            kinds[to] = kinds_of[pair : pair + len(part._pairs)][part._kinds]
            free[own] += counts
            term, row, pair = term + len(own), row + len(part), pair + len(part._pairs)
        return cls(
            {
                "ids": np.concatenate([part.ids for part in parts]),
                "lengths": np.concatenate([part.lengths for part in parts]),
                "hashes": hashes[chosen],
                "blob": blob[_spans(offsets[chosen], widths[chosen])],
                "offsets": _starts(widths[chosen]),
                "indptr": indptr,
                "rows": rows,
                "pairs": pairs,
                "kinds": kinds,
            }
        )

    def kept(self, keep: Mask) -> Segment:
        """The segment of the rows to ``keep``, without a trace of the others."""
        stays = keep[self._rows]
        before = np.concatenate([[0], np.cumsum(stays)])[self._indptr]
        sizes = np.diff(before)
        used = sizes > 0
        widths = np.diff(self._offsets)
        found, kinds = np.unique(self._kinds[stays], return_inverse=True)
        return Segment(
            {
                "ids": self.ids[keep],
                "lengths": self.lengths[keep],
                "hashes": self._hashes[used],
                "blob": self._blob[np.repeat(used, widths)],
                "offsets": _starts(widths[used]),
                "indptr": _starts(sizes[used]),
                "rows": (np.cumsum(keep) - 1)[self._rows[stays]].astype(np.int32),
                "pairs": self._pairs[found],
                "kinds": kinds.astype(_kind_of(len(found))),
            }
        )

    @classmethod
    def read(cls, path: Path, identity: str = "") -> Segment:
        """Map a stored segment of the catalog ``identity``. Raises CorruptError or FileNotFoundError."""
        metadata, arrays = read_container(path, KIND)
        if metadata.get("catalog") != identity:
            raise CorruptError(f"{path} was made from another catalog")
        if arrays.keys() != _ARRAYS:
            raise CorruptError(f"{path} was made by another version")
        return cls(arrays)

    def write(self, path: Path, identity: str = "") -> None:
        """Store the segment, and of which catalog it is. Raises StorageError."""
        write_container(path, KIND, {"catalog": identity}, self._arrays)

    def find(self, terms: Terms) -> list[int]:
        """The number of each of these terms here; -1 for one that no chunk holds."""
        found = [-1] * len(terms.encoded)
        if len(self._hashes):
            places = self._hashes.searchsorted(terms.hashes)
            same = self._hashes.take(places, mode="clip") == terms.hashes
            for number in same.nonzero()[0].tolist():
                found[number] = self._find(terms.encoded[number], int(places[number]))
        return found

    def _find(self, term: bytes, at: int) -> int:
        """The number of a term whose hash is found from ``at`` on; hardly ever, another one has the same."""
        value = self._hashes[at]
        while self._term(at) != term:
            at += 1
            if at == len(self._hashes) or self._hashes[at] != value:
                return -1
        return at

    def postings(self, number: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[Any]]:
        """Rows that hold the term of this number, ascending, and the places of their pairs in the table of scores."""
        span = slice(self._indptr[number], self._indptr[number + 1])
        return self._rows[span], self._kinds[span]

    def saturated(self, k1: float, b: float, average: float) -> Floats:
        """What BM25 makes of each pair: ``count / (count + k1 (1 - b + b length / average))``.

        That of the last average length is kept: it is the same until a chunk comes or goes.
        """
        asked = (k1, b, average)
        if self._saturated is None or self._saturated[0] != asked:
            counts, lengths = self.pairs()
            made = (counts / (counts + k1 * (1 - b + b * lengths / average))).astype(np.float32)
            self._saturated = asked, made
        return self._saturated[1]

    def pairs(self) -> tuple[Ints, Ints]:
        """Count of the term and length of the chunk, for each pair that occurs."""
        return self._pairs & _LARGEST, self._pairs >> _COUNT_BITS

    def _term(self, index: int) -> bytes:
        return self._blob[self._offsets[index] : self._offsets[index + 1]].tobytes()


def _distinct_terms(hashes: Hashes, widths: Ints, offsets: Ints, blob: Bytes) -> tuple[Ints, Mask]:
    """The order of these terms by hash and length, and which are the first of their kind in it."""
    order = np.lexsort((widths, hashes))
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(hashes[order]) != 0) | (np.diff(widths[order]) != 0)
    again = np.flatnonzero(~first)
    one, other = order[again - 1], order[again]
    if np.array_equal(blob[_spans(offsets[one], widths[one])], blob[_spans(offsets[other], widths[other])]):
        return order, first
    # Different terms of equal hash and length, as hardly ever: the bytes decide.
    keys = [(int(h), int(w), blob[o : o + w].tobytes()) for h, w, o in zip(hashes, widths, offsets, strict=True)]
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)
    first[1:] = [keys[a] != keys[b] for a, b in zip(order[:-1].tolist(), order[1:].tolist(), strict=True)]
    return order, first


def _distinct(pairs: Ints) -> tuple[Ints, npt.NDArray[Any]]:
    found, places = np.unique(pairs, return_inverse=True)
    return found.astype(np.int64), places.astype(_kind_of(len(found)))


def _kind_of(count: int) -> type[np.uint16] | type[np.uint32]:
    return np.uint16 if count <= 1 << 16 else np.uint32


def _bases(parts: Sequence[Segment]) -> list[int]:
    """Where the terms of each part begin among those of all."""
    bases: list[int] = _starts([len(part._blob) for part in parts])[:-1].tolist()
    return bases


def _spans(starts: Ints, widths: Ints) -> Ints:
    """The places of all bytes of these spans, one span after the other."""
    return np.repeat(starts - _starts(widths)[:-1], widths) + np.arange(int(widths.sum()))


def _starts(sizes: Sequence[int] | Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(np.array(sizes, np.int64))]).astype(np.int64)

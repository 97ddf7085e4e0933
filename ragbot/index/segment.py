"""One immutable part of the lexical index: which chunks hold which term how often."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ragbot.errors import CorruptError
from ragbot.index.container import read_container, write_container

KIND = "lexical-segment"
Ints = npt.NDArray[np.int64]


class Segment:
    """Postings of some chunks, as flat arrays that can be mapped from a file.

    ``ids`` (ascending) and ``lengths`` have one entry a chunk (a *row*); the postings of term ``t`` are
    ``rows[indptr[t]:indptr[t + 1]]`` with their counts; the terms are sorted bytes, found by bisection.
    """

    def __init__(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        self._arrays = arrays
        self.ids: Ints = arrays["ids"]
        self.lengths = arrays["lengths"]
        self._blob, self._offsets, self._indptr = arrays["blob"], arrays["offsets"], arrays["indptr"]
        self._rows, self._counts = arrays["rows"], arrays["counts"]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def build(cls, ids: Sequence[int], documents: Sequence[Sequence[str]]) -> Segment:
        """A segment of these chunks; ``documents`` are their terms, ``ids`` ascend."""
        numbers: dict[str, int] = {}  # of the terms, as they come
        flat = np.fromiter((numbers.setdefault(term, len(numbers)) for words in documents for term in words), np.int64)
        lengths = np.array([len(words) for words in documents], np.int64)
        encoded = [term.encode("utf-8", "surrogatepass") for term in numbers]
        order = sorted(range(len(encoded)), key=encoded.__getitem__)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        # A pair of term and row as one number: sorting them sorts the postings.
        width = max(len(documents), 1)
        pairs, counts = np.unique(
            place[flat] * width + np.repeat(np.arange(len(documents)), lengths), return_counts=True
        )
        return cls(
            {
                "ids": np.array(ids, np.int64),
                "lengths": lengths.astype(np.int32),
                "blob": np.frombuffer(b"".join(encoded[number] for number in order), np.uint8),
                "offsets": _starts([len(encoded[number]) for number in order]),
                "indptr": _starts(np.bincount(pairs // width, minlength=len(order))),
                "rows": (pairs % width).astype(np.int32),
                "counts": np.minimum(counts, 65535).astype(np.uint16),
            }
        )

    @classmethod
    def merge(cls, segments: Sequence[Segment], alive: Sequence[npt.NDArray[np.bool_]]) -> Segment:
        """One segment of the rows that are alive in several."""
        postings: dict[bytes, list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]] = {}
        base = 0
        for segment, keep in zip(segments, alive, strict=True):
            new_row = np.cumsum(keep) - 1 + base
            for index in range(len(segment._offsets) - 1):
                rows, counts = segment._at(index)
                kept = keep[rows]
                if kept.any():
                    postings.setdefault(segment._term(index), []).append((new_row[rows[kept]], counts[kept]))
            base += int(keep.sum())
        ordered = sorted(postings.items())
        parts = [pair for _, pairs in ordered for pair in pairs]
        return cls(
            {
                "ids": np.concatenate([s.ids[keep] for s, keep in zip(segments, alive, strict=True)]),
                "lengths": np.concatenate([s.lengths[keep] for s, keep in zip(segments, alive, strict=True)]),
                "blob": np.frombuffer(b"".join(term for term, _ in ordered), np.uint8),
                "offsets": _starts([len(term) for term, _ in ordered]),
                "indptr": _starts([sum(len(rows) for rows, _ in pairs) for _, pairs in ordered]),
                "rows": np.concatenate([rows for rows, _ in parts] or [np.empty(0)]).astype(np.int32),
                "counts": np.concatenate([counts for _, counts in parts] or [np.empty(0)]).astype(np.uint16),
            }
        )

    def kept(self, keep: npt.NDArray[np.bool_]) -> Segment:
        """The segment of the rows to ``keep``, without a trace of the others."""
        stays = keep[self._rows]
        before = np.concatenate([[0], np.cumsum(stays)])[self._indptr]
        sizes = np.diff(before)
        used = sizes > 0
        widths = np.diff(self._offsets)
        return Segment(
            {
                "ids": self.ids[keep],
                "lengths": self.lengths[keep],
                "blob": self._blob[np.repeat(used, widths)],
                "offsets": _starts(widths[used]),
                "indptr": _starts(sizes[used]),
                "rows": (np.cumsum(keep) - 1)[self._rows[stays]].astype(np.int32),
                "counts": self._counts[stays],
            }
        )

    @classmethod
    def read(cls, path: Path, identity: str = "") -> Segment:
        """Map a stored segment of the catalog ``identity``. Raises CorruptError or FileNotFoundError."""
        metadata, arrays = read_container(path, KIND)
        if metadata.get("catalog") != identity:
            raise CorruptError(f"{path} was made from another catalog")
        return cls(arrays)

    def write(self, path: Path, identity: str = "") -> None:
        """Store the segment, and of which catalog it is. Raises StorageError."""
        write_container(path, KIND, {"catalog": identity}, self._arrays)

    def postings(self, term: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint16]] | None:
        """Rows that hold ``term`` and how often, or None."""
        key = term.encode("utf-8", "surrogatepass")
        index = bisect_left(range(len(self._offsets) - 1), key, key=self._term)
        if index == len(self._offsets) - 1 or self._term(index) != key:
            return None
        return self._at(index)

    def _term(self, index: int) -> bytes:
        return self._blob[self._offsets[index] : self._offsets[index + 1]].tobytes()

    def _at(self, index: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint16]]:
        span = slice(self._indptr[index], self._indptr[index + 1])
        return self._rows[span], self._counts[span]


def _starts(sizes: Sequence[int] | Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(np.array(sizes, np.int64))]).astype(np.int64)

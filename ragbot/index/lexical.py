"""BM25 (Robertson & Zaragoza 2009, with Lucene's idf) over segments, brought up by sequence number.

A change adds a segment and marks rows dead; segments are merged as they grow in number, as Lucene does, so nothing
is rebuilt for a query. Statistics count living chunks only: the scores are those of an index built afresh.
"""

from __future__ import annotations

import logging
import math
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ragbot.errors import CorruptError
from ragbot.index.analysis import terms
from ragbot.index.container import read_container, write_container
from ragbot.index.segment import Ints, Segment

log = logging.getLogger(__name__)

KIND = "lexical"
MANIFEST = "lexical.ragbot"
#: More segments than this are merged, smallest first.
MAX_SEGMENTS = 8
K1 = 1.2
B = 0.75
#: Times that a stored index is read before it is given up.
_ATTEMPTS = 3
#: Raised when terms are made differently: an older index is then built again.
ANALYSIS_VERSION = 1

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LexicalScores:
    """BM25 of every living chunk for one question: per segment, with mean and deviation over the collection."""

    parts: list[tuple[Ints, Floats]]
    mean: float
    deviation: float

    def top(self, k: int, allowed: Ints | None = None) -> Ints:
        """Ids of the ``k`` best chunks with a score above zero, best first; equal scores by id."""
        ids = np.concatenate([ids for ids, _ in self.parts] or [np.empty(0, np.int64)])
        scores = np.concatenate([scores for _, scores in self.parts] or [np.empty(0, np.float32)])
        keep = scores > 0
        if allowed is not None:
            keep &= np.isin(ids, allowed)
        ids, scores = ids[keep], scores[keep]
        if len(ids) > k:
            best = scores >= np.partition(scores, -k)[-k]
            ids, scores = ids[best], scores[best]
        chosen: Ints = ids[np.lexsort((ids, -scores))][:k]
        return chosen

    def of(self, wanted: Ints) -> Floats:
        """Scores of these chunks; 0 for one that holds no term of the question."""
        out = np.zeros(len(wanted), np.float32)
        for ids, scores in self.parts:
            if len(ids):
                at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
                found = ids[at] == wanted
                out[found] = scores[at[found]]
        return out


class AheadError(CorruptError):
    """An index has seen changes that its catalog does not have: some that were stored are lost."""


class LexicalIndex:
    """An inverted index over chunks; :attr:`seq` is the catalog's change that it has reached."""

    def __init__(self) -> None:
        self.seq = 0
        self._lock = threading.RLock()  # the segments and what is alive of them change together
        self._segments: list[Segment] = []
        self._alive: list[npt.NDArray[np.bool_]] = []
        self._names: list[str | None] = []

    def __len__(self) -> int:
        return int(sum(alive.sum() for alive in self._alive))

    def apply(self, seq: int, removed: Sequence[int], added: Sequence[int], texts: Sequence[str]) -> None:
        """Take chunks out, put chunks in, and note the sequence number; doing it twice is harmless."""
        gone = np.array(sorted({*removed, *added}), np.int64)
        fresh = Segment.build(added, [terms(text) for text in texts]) if added else None
        with self._lock:
            for segment, alive in zip(self._segments, self._alive, strict=True):
                if len(gone):
                    alive &= ~np.isin(segment.ids, gone)
            if fresh is not None:
                self._append(fresh)
            self._merge()
            self.seq = seq

    def score(self, question: str) -> LexicalScores:
        """BM25 of every living chunk."""
        count = len(self)
        total = float(sum(s.lengths[a].sum() for s, a in zip(self._segments, self._alive, strict=True)))
        average = total / count if count and total else 1.0
        scores = [np.zeros(len(segment), np.float32) for segment in self._segments]
        norms = [K1 * (1 - B + B * segment.lengths / average) for segment in self._segments]
        for term in sorted(set(terms(question))):
            postings = [segment.postings(term) for segment in self._segments]
            frequency = sum(int(a[p[0]].sum()) for p, a in zip(postings, self._alive, strict=True) if p)
            if not frequency:
                continue
            idf = math.log(1 + (count - frequency + 0.5) / (frequency + 0.5))
            for found, score, norm in zip(postings, scores, norms, strict=True):
                if found:
                    rows, counts = found
                    score[rows] += (idf * (K1 + 1)) * counts / (counts + norm[rows])
        parts = [
            (segment.ids[alive], score[alive])
            for segment, alive, score in zip(self._segments, self._alive, scores, strict=True)
        ]
        total_score = sum(float(score.sum(dtype=np.float64)) for _, score in parts)
        squares = sum(float(np.square(score, dtype=np.float64).sum()) for _, score in parts)
        mean = total_score / count if count else 0.0
        variance = max(squares / count - mean * mean, 0.0) if count else 0.0
        return LexicalScores(parts, mean, math.sqrt(variance))

    def document_frequencies(self, words: Sequence[str]) -> list[int]:
        """In how many living chunks each term stands."""
        found = []
        with self._lock:
            for word in words:
                postings = [segment.postings(word) for segment in self._segments]
                found.append(sum(int(a[p[0]].sum()) for p, a in zip(postings, self._alive, strict=True) if p))
        return found

    def save(self, folder: Path, identity: str = "") -> None:
        """Store what is not stored yet, then the manifest that names it, then drop files that it no longer names.

        Segments are stored without their dead rows: the words of deleted text stand in no file afterwards.
        """
        with self._lock:
            self._store_segments(folder, identity)
        metadata = {"seq": self.seq, "catalog": identity, "analysis": ANALYSIS_VERSION, "segments": self._names}
        write_container(folder / MANIFEST, KIND, metadata, {})
        for path in folder.glob("lexical-*.ragbot*"):
            if path.name not in self._names:
                path.unlink(missing_ok=True)

    @classmethod
    def load(cls, folder: Path, newest: int, identity: str = "") -> LexicalIndex:
        """The stored index, or an empty one (to be filled from the catalog) where it is missing, damaged or outdated,
        or another catalog's.

        Raises:
            AheadError: it has reached a change that the catalog does not have.
        """
        for _ in range(_ATTEMPTS):
            try:
                return cls._read(folder, newest, identity)
            except AheadError:
                raise
            except FileNotFoundError:
                continue  # a writer may have merged a segment away since the manifest was read: its new one names others
            except CorruptError as error:
                log.warning("%s; the lexical index is built again from the catalog", error)
                break
        return cls()

    @classmethod
    def _read(cls, folder: Path, newest: int, identity: str) -> LexicalIndex:
        index = cls()
        metadata, _ = read_container(folder / MANIFEST, KIND)
        if (metadata["analysis"], metadata.get("catalog")) != (ANALYSIS_VERSION, identity):
            return index
        if metadata["seq"] > newest:
            raise AheadError(
                f"{folder / MANIFEST} has reached change {metadata['seq']} of this catalog, which is at {newest}: changes "
                f"that were stored are lost, perhaps with the log (catalog.sqlite3-wal). Restore the folder from a backup; "
                f"or go on with what is there: ragbot kb repair, then ingest the documents again"
            )
        for name in metadata["segments"]:
            index._append(Segment.read(folder / Path(name).name, identity), name)
        index.seq = metadata["seq"]
        return index

    def _store_segments(self, folder: Path, identity: str) -> None:
        for index in reversed(range(len(self._segments))):
            if not self._alive[index].any():
                del self._segments[index], self._alive[index], self._names[index]
        for index, name in enumerate(self._names):
            if not self._alive[index].all():
                self._replace(index, index + 1, self._segments[index].kept(self._alive[index]))
                name = None
            if name is None or not (folder / name).exists():  # another process may have merged it away
                # Never a name that was used before: a manifest must not find another segment under it.
                name = f"lexical-{secrets.token_hex(8)}.ragbot"
                self._segments[index].write(folder / name, identity)
                # From now on mapped: what is stored need not be held in memory, too.
                self._segments[index] = Segment.read(folder / name, identity)
                self._names[index] = name

    def _append(self, segment: Segment, name: str | None = None) -> None:
        self._segments.append(segment)
        self._alive.append(np.ones(len(segment), bool))
        self._names.append(name)

    def _replace(self, begin: int, end: int, segment: Segment) -> None:
        self._segments[begin:end] = [segment]
        self._alive[begin:end] = [np.ones(len(segment), bool)]
        self._names[begin:end] = [None]

    def _merge(self) -> None:
        while len(self._segments) > MAX_SEGMENTS:
            # Neighbours only, so that ids stay ascending; the pair with the fewest rows costs least.
            sizes = [len(segment) for segment in self._segments]
            at = min(range(len(sizes) - 1), key=lambda i: sizes[i] + sizes[i + 1])
            merged = Segment.merge(self._segments[at : at + 2], self._alive[at : at + 2])
            self._replace(at, at + 2, merged)

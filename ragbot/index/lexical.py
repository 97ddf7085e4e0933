"""BM25 (Robertson & Zaragoza 2009, with Lucene's idf) over segments, brought up by sequence number.

A change adds a segment and marks rows dead; segments are merged as they grow in number, as Lucene does, so nothing
is rebuilt for a query. Statistics count living chunks only: the scores are those of an index built afresh.
"""

from __future__ import annotations

import logging
import math
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


class LexicalIndex:
    """An inverted index over chunks; :attr:`seq` is the catalog's change that it has reached."""

    def __init__(self) -> None:
        self.seq = 0
        self._segments: list[Segment] = []
        self._alive: list[npt.NDArray[np.bool_]] = []
        self._names: list[str | None] = []
        self._next_name = 0

    def __len__(self) -> int:
        return int(sum(alive.sum() for alive in self._alive))

    def apply(self, seq: int, removed: Sequence[int], added: Sequence[int], texts: Sequence[str]) -> None:
        """Take chunks out, put chunks in, and note the sequence number; doing it twice is harmless."""
        gone = np.array(sorted({*removed, *added}), np.int64)
        for segment, alive in zip(self._segments, self._alive, strict=True):
            if len(gone):
                alive &= ~np.isin(segment.ids, gone)
        if added:
            self._append(Segment.build(added, [terms(text) for text in texts]))
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
        for word in words:
            postings = [segment.postings(word) for segment in self._segments]
            found.append(sum(int(a[p[0]].sum()) for p, a in zip(postings, self._alive, strict=True) if p))
        return found

    def save(self, folder: Path) -> None:
        """Store what is not stored yet, then the manifest that names it, then drop files that it no longer names."""
        for index, name in enumerate(self._names):
            if name is None:
                name = f"lexical-{self._next_name:06}.ragbot"
                self._segments[index].write(folder / name)
                self._names[index] = name
                self._next_name += 1
        metadata = {"seq": self.seq, "analysis": ANALYSIS_VERSION, "segments": self._names, "next": self._next_name}
        alive = {f"alive{i}": np.packbits(alive) for i, alive in enumerate(self._alive)}
        write_container(folder / MANIFEST, KIND, metadata, alive)
        for path in folder.glob("lexical-*.ragbot*"):
            if path.name not in self._names:
                path.unlink(missing_ok=True)

    @classmethod
    def load(cls, folder: Path, newest: int) -> LexicalIndex:
        """The stored index, or an empty one (to be filled from the catalog) where it is missing, damaged or outdated."""
        index = cls()
        try:
            metadata, arrays = read_container(folder / MANIFEST, KIND)
            if metadata["analysis"] != ANALYSIS_VERSION or metadata["seq"] > newest:
                return index
            for number, name in enumerate(metadata["segments"]):
                segment = Segment.read(folder / Path(name).name)
                alive = np.unpackbits(arrays[f"alive{number}"], count=len(segment)).astype(bool)
                index._append(segment, alive, name)
            index.seq, index._next_name = metadata["seq"], metadata["next"]
        except FileNotFoundError:
            return cls()
        except CorruptError as error:
            log.warning("%s; the lexical index is built again from the catalog", error)
            return cls()
        return index

    def _append(self, segment: Segment, alive: npt.NDArray[np.bool_] | None = None, name: str | None = None) -> None:
        self._segments.append(segment)
        self._alive.append(np.ones(len(segment), bool) if alive is None else alive)
        self._names.append(name)

    def _merge(self) -> None:
        while len(self._segments) > MAX_SEGMENTS:
            # Neighbours only, so that ids stay ascending; the pair with the fewest rows costs least.
            sizes = [len(segment) for segment in self._segments]
            at = min(range(len(sizes) - 1), key=lambda i: sizes[i] + sizes[i + 1])
            merged = Segment.merge(self._segments[at : at + 2], self._alive[at : at + 2])
            self._segments[at : at + 2] = [merged]
            self._alive[at : at + 2] = [np.ones(len(merged), bool)]
            self._names[at : at + 2] = [None]

"""BM25 (Robertson & Zaragoza 2009, with Lucene's idf) over segments, brought up by sequence number.

A change adds a segment and marks rows dead; small segments are merged as they grow in number, as Lucene does, so nothing
is rebuilt for a query, and no change rewrites more than one large segment. Statistics count living chunks only: the
scores are those of an index built afresh. Mean and deviation are over all living chunks, most of which score 0.
"""

from __future__ import annotations

import logging
import math
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ragbot.errors import CorruptError
from ragbot.index.analysis import terms
from ragbot.index.container import read_container, write_container
from ragbot.index.lexical_scoring import SAMPLED, best, frequencies, moments, scored
from ragbot.index.segment import Floats, Ints, Mask, Segment, Terms

log = logging.getLogger(__name__)

KIND = "lexical"
MANIFEST = "lexical.ragbot"
#: More segments of less than half the greatest size are merged, neighbours with the fewest rows first.
MAX_SEGMENTS = 8
#: Rows of a segment at most: what one deletion rewrites (about 150 MB at 400 different terms a chunk).
SEGMENT_ROWS = 131_072
K1 = 1.2
B = 0.75
#: Times that a stored index is read before it is given up.
_ATTEMPTS = 3
#: Raised when terms are made differently: an older index is then built again.
ANALYSIS_VERSION = 2
#: Likewise of the files.
_LAYOUT = 2


@dataclass(frozen=True)
class LexicalScores:
    """BM25 of every chunk for one question: per segment, 0 for the dead; mean and deviation over the living.

    ``state`` tells whether they still hold: :meth:`LexicalIndex.current`.
    """

    parts: list[tuple[Ints, Floats]]
    mean: float
    deviation: float
    state: object = None
    #: What :meth:`top` found, by ``k``: a search asks a second time, and another thread may have asked before.
    _found: dict[int, Ints] = field(default_factory=dict, init=False, repr=False, compare=False)

    def top(self, k: int, allowed: Ints | None = None) -> Ints:
        """Ids of the ``k`` best chunks with a score above zero, best first; equal scores by id. Not to be written to."""
        if allowed is None and k in self._found:
            return self._found[k]
        ids, scores, floor = np.empty(0, np.int64), np.empty(0, np.float32), np.float32(0)
        for own, values in self.parts if allowed is None else self._allowed(allowed):
            rows = best(values, k, floor)
            ids, scores = np.concatenate([ids, own[rows]]), np.concatenate([scores, values[rows]])
            if 0 < k <= len(scores):
                floor = np.partition(scores, -k)[-k]  # what is below, in the parts to come, is not among the best
        rows = best(scores, k)
        chosen: Ints = ids[rows][np.lexsort((ids[rows], -scores[rows]))][:k]
        if allowed is None:
            self._found[k] = chosen
        return chosen

    def of(self, wanted: Ints) -> Floats:
        """Scores of these chunks; 0 for one that holds no term of the question."""
        out = np.zeros(len(wanted), np.float32)
        order = wanted.argsort(kind="stable")
        ascending = wanted[order]
        for ids, scores in self.parts:
            if len(ids):
                begin, end = ascending.searchsorted([ids[0], ids[-1] + 1]).tolist()
                own = ascending[begin:end]
                at = ids.searchsorted(own)
                held = ids[at] == own
                out[order[begin:end][held]] = scores[at[held]]
        return out

    def _allowed(self, allowed: Ints) -> list[tuple[Ints, Floats]]:
        count = sum(len(ids) for ids, _ in self.parts)
        if len(allowed) * SAMPLED < count:
            allowed = np.unique(allowed)
            return [(allowed, self.of(allowed))]
        marks = np.zeros(max((int(ids[-1]) for ids, _ in self.parts if len(ids)), default=0) + 1, bool)
        marks[allowed[(allowed >= 0) & (allowed < len(marks))]] = True
        return [(ids, scores * marks[ids]) for ids, scores in self.parts]


class AheadError(CorruptError):
    """An index has seen changes that its catalog does not have: some that were stored are lost."""


class LexicalIndex:
    """An inverted index over chunks; :attr:`seq` is the catalog's change that it has reached."""

    def __init__(self) -> None:
        self.seq = 0
        self._lock = threading.RLock()  # the segments and what is alive of them change together
        self._segments: list[Segment] = []
        self._alive: list[Mask] = []
        #: Of each segment the rows that are dead.
        self._dead: list[Ints] = []
        self._names: list[str | None] = []
        #: Another one after each change.
        self._state = object()
        #: What was counted last: the state, the terms, and in how many chunks each stands.
        self._counted: tuple[object, list[bytes], list[int]] | None = None

    def __len__(self) -> int:
        return sum(map(len, self._segments)) - sum(map(len, self._dead))

    def ids(self) -> Ints:
        """The ids of all living chunks, ascending."""
        living = [segment.ids[alive] for segment, alive in zip(self._segments, self._alive, strict=True)]
        return np.sort(np.concatenate([np.empty(0, np.int64), *living]))

    def apply(self, seq: int, removed: Sequence[int], added: Sequence[int], texts: Sequence[str]) -> None:
        """Take chunks out, put chunks in, and note the sequence number; doing it twice is harmless."""
        gone = np.array(sorted({*removed, *added}), np.int64)
        fresh = Segment.build(added, [terms(text) for text in texts]) if added else None
        with self._lock:
            if len(gone):
                self._bury(gone)
            if fresh is not None:
                self._append(fresh)
            self._merge()
            self.seq = seq
            self._state = object()

    def score(self, question: str) -> LexicalScores:
        """BM25 of every living chunk. Any thread may ask, also while another one changes the index."""
        wanted = Terms.of(sorted(set(terms(question))))
        with self._lock:  # nothing that is taken here is written to afterwards
            state, segments, living, dead = self._state, list(self._segments), list(self._alive), list(self._dead)
        count = sum(map(len, segments)) - sum(map(len, dead))
        total = sum(s.total - int(s.lengths[gone].sum()) for s, gone in zip(segments, dead, strict=True))
        average = total / count if count and total else 1.0
        places = [segment.find(wanted) for segment in segments]
        counts = frequencies(segments, living, dead, places, len(wanted.encoded))
        self._counted = state, wanted.encoded, counts
        weights = [(K1 + 1) * math.log(1 + (count - n + 0.5) / (n + 0.5)) for n in counts]
        scores = [
            scored(segment, gone, found, weights, segment.saturated(K1, B, average))
            for segment, gone, found in zip(segments, dead, places, strict=True)
        ]
        sums = np.array([moments(score) for score in scores], np.float64).reshape(-1, 2).sum(axis=0)
        mean, square = (sums / count).tolist() if count else (0.0, 0.0)
        parts = [(segment.ids, score) for segment, score in zip(segments, scores, strict=True)]
        return LexicalScores(parts, mean, math.sqrt(max(square - mean * mean, 0.0)), state)

    def current(self, scores: LexicalScores) -> bool:
        """Whether nothing has changed since these were made."""
        return scores.state is self._state

    def document_frequencies(self, words: Sequence[str]) -> list[int]:
        """In how many living chunks each term stands."""
        wanted = Terms.of(words)
        with self._lock:
            state, segments, living, dead = self._state, list(self._segments), list(self._alive), list(self._dead)
        counted = self._counted  # those of the question that was scored last are asked for again
        if counted is not None and counted[0] is state and counted[1] == wanted.encoded:
            return list(counted[2])
        return frequencies(segments, living, dead, [segment.find(wanted) for segment in segments], len(words))

    def frequencies_among(self, words: Sequence[str], allowed: Ints) -> list[int]:
        """In how many of the living chunks ``allowed`` each term stands."""
        wanted = Terms.of(words)
        with self._lock:
            segments, living = list(self._segments), list(self._alive)
        seen = [alive & np.isin(segment.ids, allowed) for segment, alive in zip(segments, living, strict=True)]
        hidden = [np.flatnonzero(~mask) for mask in seen]
        return frequencies(segments, seen, hidden, [segment.find(wanted) for segment in segments], len(words))

    def _bury(self, gone: Ints) -> None:
        for index, (segment, alive) in enumerate(zip(self._segments, self._alive, strict=True)):
            if len(segment):
                at = np.minimum(np.searchsorted(segment.ids, gone), len(segment) - 1)
                at = at[segment.ids[at] == gone]
                if len(at):
                    kept = alive.copy()  # a search may be reading the one before
                    kept[at] = False
                    self._alive[index], self._dead[index] = kept, np.flatnonzero(~kept)

    def save(self, folder: Path, identity: str = "") -> None:
        """Store what is not stored yet, then the manifest that names it, then drop files that it no longer names.

        Segments are stored without their dead rows: the words of deleted text stand in no file afterwards.
        """
        with self._lock:
            self._store_segments(folder, identity)
        versions = {"analysis": ANALYSIS_VERSION, "layout": _LAYOUT}
        metadata = {"seq": self.seq, "catalog": identity, **versions, "segments": self._names}
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
        versions = (metadata["analysis"], metadata.get("layout"))
        if versions != (ANALYSIS_VERSION, _LAYOUT) or metadata.get("catalog") != identity:
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
            if len(self._dead[index]) == len(self._segments[index]):
                del self._segments[index], self._alive[index], self._dead[index], self._names[index]
        for index, name in enumerate(self._names):
            if len(self._dead[index]):
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
        self._dead.append(np.empty(0, np.int64))
        self._names.append(name)

    def _replace(self, begin: int, end: int, segment: Segment) -> None:
        self._segments[begin:end] = [segment]
        self._alive[begin:end] = [np.ones(len(segment), bool)]
        self._dead[begin:end] = [np.empty(0, np.int64)]
        self._names[begin:end] = [None]

    def _merge(self) -> None:
        while sum(2 * len(segment) < SEGMENT_ROWS for segment in self._segments) > MAX_SEGMENTS:
            # Neighbours only, so that ids stay ascending; the pair with the fewest rows costs least.
            sizes = [len(segment) for segment in self._segments]
            at = min(range(len(sizes) - 1), key=lambda i: sizes[i] + sizes[i + 1])
            if sizes[at] + sizes[at + 1] > SEGMENT_ROWS:
                break
            merged = Segment.merge(self._segments[at : at + 2], self._alive[at : at + 2])
            self._replace(at, at + 2, merged)

"""Documents that share their text: the same, one inside the other, or two versions of one.

All shingles of all documents are put in one list and sorted; documents that share enough of them are then compared in
full. Above :data:`MOST_SHINGLES` in all, only those whose hash falls below a bound are listed, the same for every
document (the sketches of Broder 1997, section 4.2): so a short text inside a long one is found as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from ragbot.documents import Document
from ragbot.exploring.collection import Count, ProgressCallback, documents
from ragbot.exploring.shingles import Hashes, Shingled, Shingler
from ragbot.index.catalog import Catalog
from ragbot.index.filters import Filter

Relation = Literal["same", "contains", "near"]
#: The share of the shorter text that two documents have in common to be called near; see docs/exploring.md.
MIN_SHARE = 0.3
#: From this share of the shorter text on it is contained, if it is not nearly as long as the other one.
CONTAINED = 0.9
_SHORTER = 0.8
#: Texts of fewer tokens are compared whole only: a few words are shared by accident.
FEWEST_TOKENS = 20
MOST_SHINGLES = 20_000_000
#: A shingle that more documents have (a footer, a licence) pairs each of them with the next one only.
_COMMON = 50
#: A pair is compared in full from this part of the share that is asked for: the list may know a sample alone.
_SLACK = 0.5

#: Pairs that are counted at once: 8 bytes each.
_AT_ONCE = 5_000_000

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Two documents that share text.

    ``document`` is the one to keep: the longer one, of equals the newer one, else the first by source. ``shared`` is the
    share of its text (in tokens) that the other one has too, ``other_shared`` the other way round, both in [0, 1].
    ``relation``: ``same`` (equal but for case, spacing and punctuation), ``contains`` (the other one stands in it), or
    ``near``. ``characters`` are the lengths of both; ``newer`` is the source of the one with the later date, or None.
    """

    document: Document
    other: Document
    relation: Relation
    shared: float
    other_shared: float
    characters: tuple[int, int]
    newer: str | None


@dataclass(frozen=True, slots=True)
class Duplicates:
    """``pairs``, most alike first, and ``clusters``: documents that pairs connect, the one to keep first in each.

    ``documents`` counts what was compared.
    """

    pairs: tuple[DuplicatePair, ...]
    clusters: tuple[tuple[Document, ...], ...]
    documents: int


@dataclass(frozen=True, slots=True)
class _Text:
    document: Document
    shingled: Shingled
    characters: int


def duplicates(
    catalog: Catalog,
    where: Filter | None = None,
    min_share: float = MIN_SHARE,
    progress: ProgressCallback | None = None,
) -> Duplicates:
    """The documents of a knowledge base that share at least ``min_share`` of the shorter one's text.

    Raises:
        ValueError: ``min_share`` is not in (0, 1].
    """

    def read() -> Iterator[tuple[Document, str]]:
        found = documents(catalog, where)
        for number, document in enumerate(found, 1):
            with suppress(KeyError):  # another process has removed it since
                yield document, catalog.document_text(document.id)
            if progress:
                progress(Count(number, len(found)))

    return duplicates_among(read(), min_share)


def duplicates_among(documents: Iterable[tuple[Document, str]], min_share: float = MIN_SHARE) -> Duplicates:
    """The same for documents with their texts, each of which is held only while it is read."""
    if not 0 < min_share <= 1:
        raise ValueError(f"min_share is above 0 and at most 1, not {min_share}")
    shingler = Shingler()
    texts = [_Text(document, shingler(text), len(text)) for document, text in documents]
    pairs = [_pair(texts[a], texts[b]) for a, b in _candidates(texts, min_share)]
    kept = [pair for pair in pairs if pair.relation == "same" or max(pair.shared, pair.other_shared) >= min_share]
    kept.sort(key=lambda p: (-max(p.shared, p.other_shared), -p.shared, p.document.source, p.other.source))
    return Duplicates(tuple(kept), _clusters(kept, {text.document.id: text for text in texts}), len(texts))


def _candidates(texts: Sequence[_Text], min_share: float) -> list[tuple[int, int]]:
    """Pairs of positions that may share that much."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for at, text in enumerate(texts):
        if text.shingled.tokens:
            groups[text.shingled.hashes.tobytes()].append(at)
    # Of equal texts one stands for all; the others are tied to it.
    same = [(group[0], other) for group in groups.values() for other in group[1:]]
    long = [group[0] for group in groups.values() if texts[group[0]].shingled.tokens >= FEWEST_TOKENS]
    every = sum(len(texts[at].shingled.hashes) for at in long)
    bound = np.uint64(np.iinfo(np.uint64).max // max(1, -(-every // MOST_SHINGLES)))
    sketches = {at: (distinct := texts[at].shingled.distinct)[distinct <= bound] for at in long}
    keys, counts = _shared_counts(sketches, len(texts))
    likely = []
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        a, b = divmod(key, len(texts))
        if count >= _SLACK * min_share * min(len(sketches[a]), len(sketches[b])) / texts[a].shingled.width:
            likely.append((a, b))
    return same + likely


def _shared_counts(sketches: dict[int, Hashes], total: int) -> tuple[Ints, Ints]:
    """Pairs of documents, each as ``a * total + b`` with a < b, and how many listed shingles they share."""
    nothing = np.empty(0, np.int64)
    if not sketches:
        return nothing, nothing
    hashes = np.concatenate(list(sketches.values()))
    owners = np.repeat(np.array(list(sketches), np.int64), [len(sketch) for sketch in sketches.values()])
    order = np.argsort(hashes, kind="stable")  # the owners of a shingle ascend
    hashes, owners = hashes[order], owners[order]
    starts = np.append(True, hashes[1:] != hashes[:-1])[: len(hashes)]
    begins = np.flatnonzero(starts)
    sizes = np.diff(np.append(begins, len(hashes)))
    common = np.repeat(sizes > _COMMON, sizes)
    neighbours = np.flatnonzero(common[1:] & ~starts[1:])
    tally = _Tally()
    tally.add(owners[neighbours] * total + owners[neighbours + 1])
    for size in range(2, _COMMON + 1):
        first = begins[sizes == size]
        if len(first):
            for i, j in combinations(range(size), 2):
                tally.add(owners[first + i] * total + owners[first + j])
    return tally.counts()


class _Tally:
    """Counts numbers that arrive in pieces, in bounded memory."""

    def __init__(self) -> None:
        self._keys = self._counts = np.empty(0, np.int64)
        self._pending: list[Ints] = []
        self._waiting = 0

    def add(self, numbers: Ints) -> None:
        """Count each of these."""
        self._pending.append(numbers)
        self._waiting += len(numbers)
        if self._waiting > _AT_ONCE:
            self.counts()

    def counts(self) -> tuple[Ints, Ints]:
        """The numbers, ascending, and how often each came."""
        fresh, times = np.unique(np.concatenate([self._keys[:0], *self._pending]), return_counts=True)
        keys, back = np.unique(np.concatenate([self._keys, fresh]), return_inverse=True)
        self._counts = np.bincount(back, np.concatenate([self._counts, times]), len(keys)).astype(np.int64)
        self._keys, self._pending, self._waiting = keys, [], 0
        return self._keys, self._counts


def _pair(a: _Text, b: _Text) -> DuplicatePair:
    keep, other = _worth_keeping([a, b])
    shared = keep.shingled.covered(other.shingled.distinct)
    other_shared = other.shingled.covered(keep.shingled.distinct)
    relation: Relation = "near"
    if np.array_equal(keep.shingled.hashes, other.shingled.hashes):
        relation, shared, other_shared = "same", 1.0, 1.0
    elif other_shared >= CONTAINED and other.shingled.tokens <= _SHORTER * keep.shingled.tokens:
        relation = "contains"
    dates = (keep.document.date or "", other.document.date or "")
    newer = None
    if all(dates) and dates[0] != dates[1]:
        newer = (keep if dates[0] > dates[1] else other).document.source
    lengths = (keep.characters, other.characters)
    return DuplicatePair(keep.document, other.document, relation, shared, other_shared, lengths, newer)


def _worth_keeping(texts: Sequence[_Text]) -> list[_Text]:
    """The longest first, of equals the newest, else the first by source."""
    by_source = sorted(texts, key=lambda text: text.document.source)
    # A stable sort leaves equals as they stand, reversed or not.
    return sorted(by_source, key=lambda text: (text.characters, text.document.date or ""), reverse=True)


def _clusters(pairs: Sequence[DuplicatePair], texts: dict[int, _Text]) -> tuple[tuple[Document, ...], ...]:
    """What pairs connect, the largest cluster first."""
    root = {number: number for pair in pairs for number in (pair.document.id, pair.other.id)}

    def find(number: int) -> int:
        while root[number] != number:
            root[number] = number = root[root[number]]
        return number

    for pair in pairs:
        root[find(pair.other.id)] = find(pair.document.id)
    members: dict[int, list[_Text]] = defaultdict(list)
    for number in root:
        members[find(number)].append(texts[number])
    clusters = [_worth_keeping(group) for group in members.values()]
    clusters.sort(key=lambda group: (-len(group), group[0].document.source))
    return tuple(tuple(text.document for text in group) for group in clusters)

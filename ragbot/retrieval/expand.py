"""Hits to passages: each hit with its neighbours, or as its parent; spans of one document that touch joined into one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

from ragbot.documents import Chunk, Heading, Passage, ScoredChunk
from ragbot.index.catalog import Catalog

#: A parent is read whole where at least this share of its chunks, and no fewer than two, are among the hits.
MERGE_SHARE = 0.5


def expand(catalog: Catalog, hits: Sequence[ScoredChunk], radius: int = 1) -> list[Passage]:
    """Passages in the order of their best hit; a passage's text equals the document's at its offsets.

    Where enough chunks of a parent are hits, the passage is the parent. A hit of any other parent gets neighbours
    from inside that parent alone; one without a parent, from anywhere in its document. A hit whose document was
    changed or removed since the search is left out.

    Args:
        radius: how many chunks before and after a hit are joined to it.
    """
    found: dict[tuple[int, tuple[int, int] | None], set[int]] = defaultdict(set)
    for hit in hits:
        found[_family(hit.chunk)].add(hit.chunk.id)
    groups: list[_Group] = []
    for hit in hits:
        group = _Group(hit, _reach(catalog, hit.chunk, radius, len(found[_family(hit.chunk)])))
        touching = [other for other in groups if other.touches(group)]
        for other in touching[1:]:
            touching[0].absorb(other)
            groups.remove(other)
        if touching:
            touching[0].absorb(group)
        else:
            groups.append(group)
    # A long document takes a while to read and to check: once for all its passages, and none is held longer.
    by_document: dict[int, list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        by_document[group.hit.chunk.document.id].append(place)
    passages: dict[int, Passage] = {}
    for document, places in by_document.items():
        with suppress(KeyError):  # it was removed since
            parsed = catalog.parsed_text(document)
            passages |= {place: passage for place in places if (passage := groups[place].passage(*parsed))}
    return [passages[place] for place in sorted(passages)]


def _family(chunk: Chunk) -> tuple[int, tuple[int, int] | None]:
    return chunk.document.id, chunk.parent


def _reach(catalog: Catalog, chunk: Chunk, radius: int, found: int) -> Sequence[Chunk]:
    """What a hit is joined with, itself included; ``found`` chunks of its parent are hits."""
    if chunk.parent is None:
        return catalog.neighbours(chunk, radius)
    family = catalog.family(chunk)
    if found > 1 and found >= MERGE_SHARE * len(family):
        return family
    return [other for other in family if abs(other.ordinal - chunk.ordinal) <= radius]


class _Group:
    def __init__(self, hit: ScoredChunk, reach: Sequence[Chunk]) -> None:
        self.hit = hit
        self.first = min(reach, key=lambda chunk: chunk.ordinal, default=hit.chunk)
        self.last = max(reach, key=lambda chunk: chunk.ordinal, default=hit.chunk)

    def touches(self, other: _Group) -> bool:
        return (
            self.hit.chunk.document.id == other.hit.chunk.document.id
            and self.first.ordinal <= other.last.ordinal + 1
            and other.first.ordinal <= self.last.ordinal + 1
        )

    def absorb(self, other: _Group) -> None:
        self.first = min(self.first, other.first, key=lambda chunk: chunk.ordinal)
        self.last = max(self.last, other.last, key=lambda chunk: chunk.ordinal)

    def passage(self, text: str, pages: tuple[int, ...], outline: tuple[Heading, ...]) -> Passage | None:
        """The passage, from the document's text and map; None where that is not the text that was found."""
        chunk = self.hit.chunk
        if text[chunk.start : chunk.end] != chunk.text:
            return None
        return Passage(
            document=chunk.document,
            text=text[self.first.start : self.last.end],
            start=self.first.start,
            end=self.last.end,
            page=chunk.page,
            headings=chunk.headings,
            score=self.hit.score,
            pages=pages,
            outline=outline,
        )

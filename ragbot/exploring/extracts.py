"""The sentences of a document that say most of it: central to their section and to the whole, and not twice the same.

Centrality by the mean of the embeddings (the centroid of Radev et al. 2004), choice by maximal marginal relevance
(Carbonell & Goldstein 1998). Only the sentences of the most central chunks are embedded: their number is bounded,
however long the document is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ragbot.documents import Chunk
from ragbot.exploring.collection import Count, ProgressCallback, Slice
from ragbot.exploring.sections import Section
from ragbot.exploring.summaries import Source, Statement
from ragbot.generation.quoting import plain
from ragbot.models.embedders.base import Embedder, Vectors, normalized
from ragbot.text import sentence_spans

#: Sentences that are embedded in all.
MOST_SENTENCES = 240
#: Weight of being alike what was chosen already, against being central.
_AGAIN = 0.5
#: By this cosine two sentences are the same.
_SAME = 0.97
#: What the first sentences of a section gain, in standard deviations of centrality: they often say what it is about.
_FIRST = 0.8
#: A sentence has so many letters at least: a label, a caption or the end of one says nothing alone.
_FEWEST_HAN, _FEWEST_LATIN, _LONGEST = 10, 30, 400
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_LATIN = re.compile(r"[^\W\d_]")
_ENDS = re.compile(r"[。！.!][”’」』】》）)\]\"'*_]*$")
_NOT_PROSE = re.compile(r"^\s*(?:\||#|```|[-*+•]\s|\d{1,3}[.)、]\s|!\[)")

#: A sentence that leans on the one before it says little without it.
_LEANS = re.compile(
    r"(?:因此|所以|但是?|不过|然而|此外|另外|同时|于是|这[样些种]?|那[样些么]?|它们?|其|又|也|还|而|例如|比如)|"
    r"(?:but|however|thus|therefore|hence|so|then|also|moreover|instead|otherwise|this|that|these|those|it|they|he|she|"
    r"for example|for instance|such|and|or|yet|still|both|neither|here|there)\b",
    re.IGNORECASE,
)
_LEANING = 1.0

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Extract:
    """A sentence at its place: in section number ``section``, with its vector and how central it is."""

    section: int
    start: int
    end: int
    vector: Vectors
    score: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    section: int
    position: int
    start: int
    end: int


def extracts(
    source: Source, sections: Sequence[Section], stored: Slice, embedder: Embedder, progress: ProgressCallback | None
) -> list[Extract]:
    """The sentences that can be chosen, in the order of the document, with their scores."""
    candidates: list[_Candidate] = []
    share = max(4, MOST_SENTENCES // max(len(sections), 1))
    for number, section in enumerate(sections):
        candidates += _candidates(source, number, section, stored, share)
    if not candidates:
        return []
    done = 0

    def tell(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(Count(done, len(candidates)))

    vectors = embedder.encode_documents([plain(source.text[item.start : item.end]) for item in candidates], tell)
    leaning = [bool(_LEANS.match(plain(source.text[item.start : item.end]))) for item in candidates]
    scores = _centrality(candidates, vectors) - _LEANING * np.array(leaning, np.float32)
    return [
        Extract(item.section, item.start, item.end, vector, float(score))
        for item, vector, score in zip(candidates, vectors, scores, strict=True)
    ]


def choose(found: Sequence[Extract], count: int) -> list[Extract]:
    """At most ``count``, in the order of the document: each section's best before any section's second; none twice."""
    chosen: list[Extract] = []
    left = list(found)
    while left and len(chosen) < count:
        taken = {item.section for item in chosen}
        fresh = [item for item in left if item.section not in taken]
        best = max(fresh or left, key=lambda item: (_relevance(item, chosen), -item.start))
        chosen.append(best)
        left = [item for item in left if item is not best and float(item.vector @ best.vector) < _SAME]
    return sorted(chosen, key=lambda item: item.start)


def statement(source: Source, item: Extract) -> Statement:
    """A sentence of the document as a sentence of its summary, citing itself."""
    return Statement(plain(source.text[item.start : item.end]), (source.cite(item.start, item.end),))


def central_chunks(stored: Slice, section: Section) -> list[Chunk]:
    """The chunks that begin in a section, the most central of them first."""
    rows = [i for i, chunk in enumerate(stored.chunks) if section.start <= chunk.start < section.end]
    if not rows:
        return []
    inside = stored.vectors[rows]
    middle, whole = inside.mean(axis=0), stored.vectors.mean(axis=0)
    order = np.argsort(-(inside @ (middle + whole)), kind="stable")
    return [stored.chunks[rows[at]] for at in order.tolist()]


def _relevance(item: Extract, chosen: Sequence[Extract]) -> float:
    if not chosen:
        return item.score
    # Cosines of e5 lie between 0.7 and 1, centrality is in standard deviations: only near repetition costs much.
    nearest = max(float(item.vector @ other.vector) for other in chosen)
    return item.score - _AGAIN * max(nearest - 0.8, 0.0) / 0.05


def _candidates(source: Source, number: int, section: Section, stored: Slice, most: int) -> list[_Candidate]:
    spans = [
        (start, end) for start, end in _sentences(source.text, section.start, section.end) if _says(source, start, end)
    ]
    if len(spans) > most:
        # Of a long section, the sentences that begin in its most central chunks.
        kept: set[tuple[int, int]] = set(spans[:2])
        for chunk in central_chunks(stored, section):
            kept |= {span for span in spans if chunk.start <= span[0] < chunk.end}
            if len(kept) >= most:
                break
        spans = sorted(kept)[:most] if len(kept) <= most else _first_and_even(sorted(kept), most)
    return [_Candidate(number, position, start, end) for position, (start, end) in enumerate(spans)]


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Sentences, those between semicolons taken together."""
    begin = None
    for first, last in sentence_spans(text, start, end):
        begin = first if begin is None else begin
        if not (text[last - 1] in "；;" and last - begin < _LONGEST):
            yield begin, last
            begin = None


def _first_and_even(spans: list[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    step = len(spans) / most
    return [spans[int(i * step)] for i in range(most)]


def _says(source: Source, start: int, end: int) -> bool:
    """Whether this is a sentence that can stand alone: prose of some length that ends as a sentence does."""
    text = source.text[start:end]
    if len(text) > _LONGEST or _NOT_PROSE.match(text) or not _ENDS.search(text):
        return False
    han = len(_HAN.findall(text))
    return han >= _FEWEST_HAN or len(_LATIN.findall(text)) - han >= _FEWEST_LATIN


def _centrality(candidates: Sequence[_Candidate], vectors: Vectors) -> Scores:
    owners = np.array([item.section for item in candidates])
    whole = normalized(vectors.mean(axis=0))[0]
    scores = vectors @ whole
    for number in set(owners.tolist()):
        mine = owners == number
        scores[mine] += vectors[mine] @ normalized(vectors[mine].mean(axis=0))[0]
    spread = float(scores.std()) or 1.0
    first = np.array([_FIRST / (1 + item.position) for item in candidates], np.float32)
    standardized: Scores = ((scores - scores.mean()) / spread + first).astype(np.float32)
    return standardized

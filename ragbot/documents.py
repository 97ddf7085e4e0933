"""The values that travel through ragbot: frozen dataclasses, no behaviour to speak of.

Offsets are code points into :attr:`ParsedDocument.text`, half open: ``text[start:end]``. A chunk's text, and every
quote in a citation, equals the document's text at its offsets, character for character.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a document: where it starts, how deep it is (1 = top), and what it says."""

    start: int
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a loader makes of one file (or a caller of one string): text, and the map from offsets to pages and headings.

    ``pages`` holds the offset at which each page starts, so page ``n`` (counted from 1) is
    ``text[pages[n - 1]:pages[n]]``; it is empty where the format knows no pages.
    """

    text: str
    title: str = ""
    type: str = "txt"
    language: str = ""
    date: str | None = None
    pages: tuple[int, ...] = ()
    headings: tuple[Heading, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


def page_at(pages: Sequence[int], offset: int) -> int | None:
    """The page (from 1) on which ``offset`` stands; None where the format knows no pages."""
    return max(bisect_right(pages, offset), 1) if pages else None


def heading_path(headings: Sequence[Heading], offset: int) -> tuple[str, ...]:
    """The headings that ``offset`` stands under, outermost first; a heading stands under itself."""
    path: list[Heading] = []
    for heading in headings:
        if heading.start > offset:
            break
        while path and path[-1].level >= heading.level:
            path.pop()
        path.append(heading)
    return tuple(heading.text for heading in path)


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a knowledge base, without its text (the catalog hands that out on request).

    ``source`` is the name under which it was ingested (an absolute path, or what the caller chose) and is unique in
    the knowledge base. ``language`` is a BCP 47 primary tag (``zh``, ``en``) or empty, ``date`` an ISO 8601 day.
    ``acl`` lists the principals that may see the document; an empty list means everyone.
    """

    id: int
    source: str
    title: str
    type: str
    language: str
    date: str | None
    content_hash: str
    acl: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of a document that is embedded and found as one: ``text == document_text[start:end]``.

    ``parent`` is the larger span around it that it may be read as, where its chunker made such spans.
    """

    id: int
    document: Document
    ordinal: int
    text: str
    start: int
    end: int
    page: int | None = None
    headings: tuple[str, ...] = ()
    parent: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A chunk that was left out of the hits because a better hit says what it says.

    ``relation``: ``same`` (but for case, spacing and punctuation), ``contained`` (a part of the hit), or ``near`` (the
    same sentences with a few of no weight added).
    """

    chunk_id: int
    source: str
    title: str
    page: int | None
    start: int
    end: int
    relation: Literal["same", "contained", "near"]


@dataclass(frozen=True, slots=True)
class ScoredChunk:
    """A search hit: the higher ``score``, the better. ``components`` names what the score was made of.

    ``duplicates`` are the places that say the same, which stand in no hit of their own.
    """

    chunk: Chunk
    score: float
    components: Mapping[str, float] = field(default_factory=dict)
    duplicates: tuple[Duplicate, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of one document given to a generator: hits and their neighbours, joined.

    ``page`` and ``headings`` are the best hit's. ``pages`` and ``outline`` are the document's own map (see
    :class:`ParsedDocument`), because a quote from the passage may stand on another page or in another section.
    """

    document: Document
    text: str
    start: int
    end: int
    page: int | None
    headings: tuple[str, ...]
    score: float
    pages: tuple[int, ...] = ()
    outline: tuple[Heading, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """A claim's place in its source: ``quote`` equals the document's text at ``[start, end)``.

    ``focus`` is the place inside of it, in the document's offsets, that a short answer (a name, a number) repeats.
    """

    marker: int
    source: str
    title: str
    page: int | None
    heading: str
    start: int
    end: int
    quote: str
    document_id: int
    focus: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found against a claim.

    ``kind``: ``number``, ``date``, ``name``, ``negation`` (denied on one side alone), ``opposite`` (more for less), or
    ``unfounded`` (no passage says it). ``claimed`` is what the claim says, ``found`` what its source says instead, as
    they are written; ``found`` is empty where it says nothing.
    """

    kind: Literal["number", "date", "name", "negation", "opposite", "unfounded"]
    claimed: str
    found: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer, and whether its sources carry it.

    ``text`` is the sentence without its markers. It stands, with them, at ``[start, end)`` of the answer's text; one
    that was removed has no length. ``unchecked`` are sentences that say nothing which could be checked, or whose source
    is in another language and does not contradict. ``citations`` are the markers of the sources.
    """

    text: str
    start: int
    end: int
    status: Literal["supported", "unsupported", "unchecked"]
    citations: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, its citations, and whether it is a refusal (``abstained``).

    ``confidence`` is the estimated probability in [0, 1] that the documents answer the question; ``timings`` are
    seconds by stage (``search``, ``first_token``, ``total``); ``usage`` counts the chat model's tokens
    (``input_tokens``, ``output_tokens``) over all calls, and is empty without one, or where it does not tell.
    ``claims`` are its sentences and whether their sources carry them; none for refusals, and where nothing is checked.
    ``short`` is the answer in a few words of those sentences, where the model names them; else, and for refusals, empty.
    """

    question: str
    text: str
    citations: tuple[Citation, ...]
    abstained: bool
    confidence: float
    language: str
    hits: tuple[ScoredChunk, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    usage: Mapping[str, int] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    short: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class FailedSource:
    """A source that could not be ingested, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one run of ingestion did, by source; a failed source never stops the others.

    ``ignored`` are files inside a folder that no loader knows; ``embedded`` counts texts that went through the
    embedder, ``chunks`` all that were stored, ``characters`` the text of added and updated documents, ``contexts`` the
    lines that a chat model wrote about chunks, and ``contexts_failed`` the chunks whose line it failed to write.
    """

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    failed: tuple[FailedSource, ...] = ()
    removed: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    chunks: int = 0
    embedded: int = 0
    characters: int = 0
    contexts: int = 0
    contexts_failed: int = 0
    seconds: float = 0.0

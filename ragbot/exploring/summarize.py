"""Summaries of one document: with a chat model by map and reduce, without one in the document's own sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ragbot.documents import Document
from ragbot.errors import SourceError
from ragbot.exploring.collection import Count, ProgressCallback, Slice, chunks_of, with_vectors
from ragbot.exploring.extracts import Extract, choose, extracts, statement
from ragbot.exploring.map_reduce import Asked, map_section, reduce_notes
from ragbot.exploring.sections import Section, sections
from ragbot.exploring.summaries import Numbering, SectionSummary, Source, Statement, Summary
from ragbot.index.catalog import Catalog
from ragbot.models.embedders.base import Embedder, estimate_tokens
from ragbot.text import answer_language

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

#: Sections that a document is read in: with a chat model, the calls of the first round.
MOST_SECTIONS = 16
#: Sentences of a section's own summary without a model.
_OF_A_SECTION = 2
_FEWEST, _MOST = 3, 8


def summarize(
    catalog: Catalog,
    embedder: Embedder,
    document: Document,
    model: Callable[[], BaseChatModel] | None = None,
    sentences: int | None = None,
    language: str = "auto",
    context_tokens: int = 1200,
    progress: ProgressCallback | None = None,
) -> Summary:
    """A summary of ``document``, each sentence tied to its place. Nothing is stored: whoever stops it leaves nothing.

    Args:
        model: makes the chat model; None for the document's own sentences.
        sentences: at most so many in all; None: by the length of the document, 3 to 8.
        language: ``zh`` or ``en``, of what a chat model writes; ``auto``: the document's.
        context_tokens: passages in one prompt, in estimated tokens.
        progress: told of sections that are read, or of sentences without a model.

    Raises:
        ValueError: ``sentences`` is below 1.
        SourceError: the document has no text that could be summarised, or was removed meanwhile.
        GenerationError: the chat model failed.
    """
    if sentences is not None and sentences < 1:
        raise ValueError(f"sentences is at least 1, not {sentences}")
    try:
        source = Source(document, *catalog.parsed_text(document.id))
    except KeyError:
        raise SourceError(f"{document.source} was removed while it was read") from None
    stored = with_vectors(catalog, chunks_of(catalog, document))
    if not source.text.strip() or not len(stored):
        raise SourceError(f"{document.source} has no text that could be summarised")
    written = answer_language(source.text[:4000]) if document.language not in {"zh", "en"} else document.language
    if model is None:
        parts = sections(source.text, source.outline, MOST_SECTIONS)
        return _extractive(source, parts, stored, embedder, sentences or _usual(parts), written, progress)
    asked = Asked(model(), context_tokens, written if language == "auto" else language)
    characters = int(context_tokens * len(source.text) / max(estimate_tokens(source.text), 1))
    parts = sections(source.text, source.outline, MOST_SECTIONS, characters)
    return _asked(source, parts, stored, embedder, asked, sentences or _usual(parts), progress)


def _usual(parts: Sequence[Section]) -> int:
    return min(max(len(parts), _FEWEST), _MOST)


def _extractive(
    source: Source,
    parts: Sequence[Section],
    stored: Slice,
    embedder: Embedder,
    count: int,
    language: str,
    progress: ProgressCallback | None,
) -> Summary:
    found = extracts(source, parts, stored, embedder, progress)
    if not found:
        raise SourceError(
            f"{source.document.source} has no whole sentences (a table, a list or code?): with a chat model (--llm) it "
            "can be summarised all the same"
        )
    numbering = Numbering(language)
    text = numbering.text([statement(source, item) for item in choose(found, count)])
    summaries = _sections(numbering, parts, [_own(source, found, number) for number in range(len(parts))])
    read = sum(item.end - item.start for item in found) / len(source.text)
    return Summary(source.document, text, language, numbering.citations, summaries, "extractive", min(read, 1.0))


def _own(source: Source, found: Sequence[Extract], number: int) -> list[Statement]:
    """A section in its own sentences."""
    return [statement(source, item) for item in choose([e for e in found if e.section == number], _OF_A_SECTION)]


def _asked(
    source: Source,
    parts: Sequence[Section],
    stored: Slice,
    embedder: Embedder,
    asked: Asked,
    count: int,
    progress: ProgressCallback | None,
) -> Summary:
    notes, read = [], 0
    for number, part in enumerate(parts):
        if progress:
            progress(Count(number, len(parts) + 1))
        said, shown = map_section(asked, source, part, stored)
        # A section of which nothing was said that can be checked is not left out: it speaks for itself.
        notes.append(said or _own(source, extracts(source, [part], stored, embedder, None), 0))
        read += shown
    if progress:
        progress(Count(len(parts), len(parts) + 1))
    every = [note for section in notes for note in section]
    if not every:
        raise SourceError(f"of {source.document.source}, the chat model said nothing that can be cited; try another")
    whole = every if len(every) <= 1 else reduce_notes(asked, source, every, count)
    numbering = Numbering(asked.language)
    text = numbering.text(whole)
    summaries = _sections(numbering, parts, notes)
    if progress:
        progress(Count(len(parts) + 1, len(parts) + 1))
    share = min(read / max(len(source.text.strip()), 1), 1.0)
    return Summary(
        source.document, text, asked.language, numbering.citations, summaries, "chat", share, asked.calls, asked.usage
    )


def _sections(
    numbering: Numbering, parts: Sequence[Section], said: Sequence[Sequence[Statement]]
) -> tuple[SectionSummary, ...]:
    return tuple(
        SectionSummary(part.heading, part.start, part.end, numbering.text(statements))
        for part, statements in zip(parts, said, strict=True)
        if statements
    )

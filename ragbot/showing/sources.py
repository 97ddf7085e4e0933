"""The place of a citation in its source: the text around it, or the page of the PDF with the passage marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ragbot.documents import Chunk, Citation, Document, ScoredChunk, heading_path, page_at
from ragbot.errors import SourceError
from ragbot.index.access import document_of, is_seen
from ragbot.index.filters import Filter
from ragbot.showing.originals import original_of
from ragbot.showing.pages import Box, draw_page
from ragbot.showing.sources_html import source_html

if TYPE_CHECKING:
    from ragbot.bot import RagBot

__all__ = ["ChunkSpan", "SourceView", "source_html", "source_view"]

#: Characters by which a window may be moved so that it begins and ends with a line or a word.
_SLACK = 120

#: What has become of the passage since it was cited.
Change = Literal["", "moved", "gone"]
#: Why there is no picture of the page, or no mark on it; empty where nothing is to be said.
Reason = Literal["", "missing", "changed", "inside", "web", "failed", "recognised", "unmarked"]
_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ChunkSpan:
    """A chunk over the text: its number in the document from 1, its span in the document, its headings."""

    number: int
    start: int
    end: int
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceView:
    """A window of a document's text, and what is to be seen in it.

    Attributes:
        title: of the document; empty where it has none.
        source: the name that it was ingested under.
        text: the window, ``document_text[start:end]``.
        start: where the window begins, in code points of the document; ``end`` likewise.
        marks: spans of the document: the passage, then the phrase in it that matters most, where there is one.
        page: the page of the passage, or of the window, from 1; None where the format knows none.
        image: the page as PNG with the marks on it; None where there is none (``reason`` says why).
        chunks: those that begin or end in the window, if they were asked for.
        document_id: of the document.
        length: of the document's text, in code points.
        headings: what the passage stands under, outermost first.
        earlier: ``at`` for the window before this one; None at the beginning. ``later`` likewise.
        boxes: what is marked on the image, as fractions of its width and height (left, top, right, bottom).
        size: of the image in pixels, width and height.
        reason: why there is no image, or no mark on it; ``detail`` says more.
        change: what has become of the passage since it was cited; ``quote`` is what it was, where it is gone.
    """

    title: str
    source: str
    text: str
    start: int
    end: int
    marks: tuple[_Span, ...]
    page: int | None = None
    image: bytes | None = None
    chunks: tuple[ChunkSpan, ...] = ()
    document_id: int = 0
    length: int = 0
    headings: tuple[str, ...] = ()
    earlier: int | None = None
    later: int | None = None
    boxes: tuple[Box, ...] = ()
    size: tuple[int, int] = (0, 0)
    reason: Reason = ""
    detail: str = ""
    change: Change = ""
    quote: str = ""


def source_view(
    bot: RagBot,
    what: Citation | ScoredChunk | Chunk | int,
    *,
    around: int = 2000,
    chunks: bool = False,
    at: int | None = None,
    where: Filter | None = None,
    image: bool = True,
) -> SourceView:
    """Where a citation or a hit stands in its document, or a document from its beginning.

    Args:
        bot: whose documents they are.
        what: a citation, a hit, a chunk, or the id of a document.
        around: characters on either side of the passage; a window without one is twice as long.
        chunks: whether the borders of the chunks are looked up.
        at: where the window begins instead; see ``earlier`` and ``later`` of :class:`SourceView`.
        where: of this, only who asks counts.
        image: whether the page of a PDF is drawn, which takes a second.

    Raises:
        SourceError: there is no such document (any more) that the asker may see.
        CorruptError: its row in the catalog is damaged.
    """
    document = _document(bot, what, where)
    try:
        text, pages, outline = bot.kb.catalog.parsed_text(document.id)
    except KeyError:
        raise SourceError(f"the document {document.source} has just been removed; search again") from None
    marks, change, quote = _marks(what, text)
    start, end = _window(text, marks, max(around, 1), at)
    looked_at = start if at is not None or not marks else marks[0][0]
    page = page_at(pages, looked_at)
    drawn = _Drawn()
    if image and page is not None and document.type == "pdf":
        bounds = pages[page - 1], pages[page] if page < len(pages) else len(text)
        drawn = _draw(bot, document, text, bounds, page, marks)
    listed = bot.kb.catalog.chunks_of(document) if chunks else []
    return SourceView(
        title=document.title,
        source=document.source,
        text=text[start:end],
        start=start,
        end=end,
        marks=marks,
        page=page,
        image=drawn.image,
        chunks=tuple(
            ChunkSpan(chunk.ordinal + 1, chunk.start, chunk.end, chunk.headings)
            for chunk in listed
            if chunk.start < end and chunk.end > start
        ),
        document_id=document.id,
        length=len(text),
        headings=heading_path(outline, looked_at),
        earlier=_fitting(text, max(start - 2 * around, 0)) if start else None,
        later=end if end < len(text) else None,
        boxes=drawn.boxes,
        size=drawn.size,
        reason=drawn.reason,
        detail=drawn.detail,
        change=change,
        quote=quote,
    )


@dataclass(frozen=True, slots=True)
class _Drawn:
    image: bytes | None = None
    boxes: tuple[Box, ...] = ()
    size: tuple[int, int] = (0, 0)
    reason: Reason = ""
    detail: str = ""


def _draw(bot: RagBot, document: Document, text: str, bounds: _Span, page: int, marks: tuple[_Span, ...]) -> _Drawn:
    """The page with the marks on it, as far as they stand on it."""
    original = original_of(document, bot.kb.catalog.file_state(document.source))
    if original.path is None:
        return _Drawn(reason=original.reason, detail=original.detail)
    begin, stop = bounds
    here = [(max(start, begin) - begin, min(end, stop) - begin) for start, end in marks if start < stop and end > begin]
    found = draw_page(original.path, page, text[begin:stop], here)
    if found.image is None:
        return _Drawn(reason="failed", detail=found.problem)
    reason: Reason = ""
    if here and not found.boxes:
        reason = "unmarked" if found.letters else "recognised"
    return _Drawn(found.image, found.boxes, found.size, reason)


def _document(bot: RagBot, what: Citation | ScoredChunk | Chunk | int, where: Filter | None) -> Document:
    if isinstance(what, int):
        return document_of(bot.kb.catalog, what, where)
    if isinstance(what, Citation):
        identity, source = what.document_id, what.source
    else:
        chunk = what.chunk if isinstance(what, ScoredChunk) else what
        identity, source = chunk.document.id, chunk.document.source
    found = bot.kb.catalog.document(identity)
    if found is None or found.source != source:
        found = bot.kb.catalog.document_at(source)  # it was removed and brought in anew
    if found is None or not is_seen(found, where):
        raise SourceError(f"the document {source} is no longer in the knowledge base: add it again to open it")
    return found


def _marks(what: Citation | ScoredChunk | Chunk | int, text: str) -> tuple[tuple[_Span, ...], Change, str]:
    """The passage in the text as it is now, whether it has moved, and what it was if it is gone."""
    if isinstance(what, int):
        return (), "", ""
    if isinstance(what, ScoredChunk):
        what = what.chunk
    start, quote = what.start, what.quote if isinstance(what, Citation) else what.text
    change: Change = ""
    if text[start : start + len(quote)] != quote:
        places = [found for found in (text.rfind(quote, 0, start + len(quote)), text.find(quote, start)) if found >= 0]
        if not quote or not places:
            return (), "gone", quote
        start, change = min(places, key=lambda place: abs(place - what.start)), "moved"
    marks: list[_Span] = [(start, start + len(quote))] if quote else []
    if isinstance(what, Citation) and what.focus is not None:
        moved = start - what.start
        begin, stop = max(what.focus[0] + moved, start), min(what.focus[1] + moved, start + len(quote))
        marks += [(begin, stop)] if begin < stop else []
    return tuple(marks), change, ""


def _window(text: str, marks: tuple[_Span, ...], around: int, at: int | None) -> _Span:
    """The stretch that is shown; it begins and ends with a line or a word, if one is near."""
    if at is not None or not marks:
        start = _fitting(text, min(max(at or 0, 0), max(len(text) - 1, 0)))
        end = start + 2 * around
    else:
        start, end = max(marks[0][0] - around, 0), marks[0][1] + around
        start = _fitting(text, start)
    least = marks[0][1] if marks and at is None else start + 1
    end = len(text) if end + _SLACK >= len(text) else max(_fitting(text, end), least)
    return start, end


def _fitting(text: str, at: int) -> int:
    """The end of a line or a word at or a little before ``at``."""
    if at <= 0 or at >= len(text) or text[at - 1].isspace():
        return max(min(at, len(text)), 0)
    for border in ("\n", " "):
        found = text.rfind(border, max(at - _SLACK, 0), at)
        if found >= 0:
            return found + 1
    return at

"""A place in a source as HTML: the page or the text, the passage marked, the borders of the chunks over it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ragbot.showing.html import block, note, place, safe, shortened
from ragbot.showing.words import say

if TYPE_CHECKING:
    from ragbot.showing.sources import ChunkSpan, SourceView

#: Characters of a passage that is gone.
_QUOTE = 1_000


def source_html(view: SourceView, language: str) -> str:
    """The view with its title; the passage has the id ``rb-focus`` in the text, ``rb-focus-page`` on the picture.

    Buttons of class ``rb-turn`` lead to the windows before and after, by ``data-at`` and ``data-document``.
    """
    heading = " > ".join(view.headings)
    parts = [
        f'<p class="rb-place">{place(view.title, view.source, view.page, heading, language)}</p>',
        _changes(view, language),
    ]
    parts.append(_visit(view.source, language))
    if view.image is not None:
        parts.append(_picture(view, view.image, language))
    if view.reason:
        parts.append(note(say(language, f"image_{view.reason}", name=view.detail, reason=view.detail)))
    if view.image is not None and view.boxes:
        # The picture shows it: the text stays at hand, folded.
        summary = safe(say(language, "page_text"))
        parts.append(f'<details class="rb-more"><summary>{summary}</summary>{_window(view, language)}</details>')
    else:
        parts.append(_window(view, language))
    return block("".join(parts), "rb-view")


def _changes(view: SourceView, language: str) -> str:
    if not view.change:
        return ""
    text = say(language, view.change, quote=shortened(view.quote, _QUOTE))
    return f'<div class="rb-banner rb-refusal" role="note">{safe(text)}</div>'


def _visit(source: str, language: str) -> str:
    """A link to a page of the web, which is followed only where the reader clicks; nothing for other sources."""
    try:
        address = urlsplit(source)
    except ValueError:
        return ""
    if address.scheme not in {"http", "https"} or not address.hostname or not source.isprintable() or " " in source:
        return ""
    label = safe(say(language, "visit"))
    return f'<p class="rb-visit"><a href="{safe(source)}" target="_blank" rel="noopener noreferrer">{label}</a></p>'


def _picture(view: SourceView, image: bytes, language: str) -> str:
    title = shortened(view.title or view.source, 100)
    label = safe(say(language, "page_image", page=view.page, title=title), " ")
    top = min((box[1] for box in view.boxes), default=0.0)
    anchor = f'<span id="rb-focus-page" class="rb-anchor" style="top:{100 * top:.1f}%"></span>' if view.boxes else ""
    width, height = view.size
    data = base64.b64encode(image).decode("ascii")
    return (
        f'<div class="rb-page">{anchor}<img alt="{label}" width="{width}" height="{height}" '
        f'src="data:image/png;base64,{data}"></div>'
    )


def _window(view: SourceView, language: str) -> str:
    if not view.length:
        return note(say(language, "empty_document"))
    where = say(language, "characters", start=f"{view.start + 1:,}", end=f"{view.end:,}", length=f"{view.length:,}")
    borders = note(_borders(view.chunks, language)) if view.chunks else ""
    label = safe(say(language, "source_view"))
    return (
        f"{borders}{_turn(view, view.earlier, 'earlier', language)}"
        f'<div class="rb-text" tabindex="0" role="region" aria-label="{label}">{_text(view, language)}</div>'
        f"{_turn(view, view.later, 'later', language)}{note(where)}"
    )


def _borders(chunks: Sequence[ChunkSpan], language: str) -> str:
    said = say(language, "chunks_shown", count=len(chunks))
    overlap = any(after.start < before.end for before, after in pairwise(chunks))
    return f"{said} {say(language, 'chunks_overlap')}" if overlap else said


def _turn(view: SourceView, at: int | None, key: str, language: str) -> str:
    if at is None:
        return ""
    return (
        f'<button type="button" class="rb-turn" data-document="{view.document_id}" data-at="{at}">'
        f"{safe(say(language, key))}</button>"
    )


def _text(view: SourceView, language: str) -> str:
    """The window, cut where a mark or a chunk begins or ends."""
    borders = {view.start, view.end}
    for start, end in (*view.marks, *((chunk.start, chunk.end) for chunk in view.chunks)):
        borders |= {min(max(at, view.start), view.end) for at in (start, end)}
    shown: list[str] = []
    focused = False
    for start, end in pairwise(sorted(borders)):
        piece = safe(view.text[start - view.start : end - view.start])
        depth = sum(mark[0] <= start and end <= mark[1] for mark in view.marks)
        if depth:
            identity = "" if focused else ' id="rb-focus" tabindex="-1"'
            piece = f"<mark{identity}{' class=' + chr(34) + 'rb-phrase' + chr(34) if depth > 1 else ''}>{piece}</mark>"
            focused = True
        shown.append(
            _in_chunks(piece, start, [chunk for chunk in view.chunks if chunk.start <= start < chunk.end], language)
        )
    return "".join(shown)


def _in_chunks(piece: str, start: int, chunks: list[ChunkSpan], language: str) -> str:
    if not chunks:
        return piece
    label = say(language, "joint").join(_chunk_label(chunk, language) for chunk in chunks)
    numbers = "".join(
        f'<span class="rb-chunk-number" data-chunk="{chunk.number}">{chunk.number}</span>'
        for chunk in chunks
        if chunk.start == start
    )
    kind = "rb-overlap" if len(chunks) > 1 else ("rb-even", "rb-odd")[chunks[0].number % 2]
    return f'{numbers}<span class="rb-chunk {kind}" title="{safe(label, " ")}">{piece}</span>'


def _chunk_label(chunk: ChunkSpan, language: str) -> str:
    key = "chunk_label_headings" if chunk.headings else "chunk_label"
    headings = shortened(" > ".join(chunk.headings), 200)
    return say(language, key, number=chunk.number, size=f"{chunk.end - chunk.start:,}", headings=headings)

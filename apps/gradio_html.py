"""Answers, citations, hits and reports as HTML that is safe to hand to Gradio's Markdown renderer.

Whatever comes from a document, a file name or a model passes through :func:`safe`, and is text from then on: no tag,
link, image or formula in it is interpreted, so a document cannot make the reader's browser ask for anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from apps.gradio_text import say
from ragbot.documents import Answer, Citation, Document, FailedSource, IngestReport, ScoredChunk

#: Passages that a refusal shows.
NEAREST = 3
_PLAIN = re.compile(r"[^\w ]|_", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BLANK_LINES = re.compile(r"\s*\n\s*")
_MARKER = re.compile(r"\[(\d{1,3})\]")


def safe(text: str, line_break: str = "<br>") -> str:
    """Text in which every ASCII sign is a character reference, on a single line.

    Escaping ``<`` and ``&`` is enough for HTML, but the page renders Markdown: references are never Markdown, so this
    holds for any syntax that it knows or will know. A single line, because a blank one would end the HTML block.
    """
    text = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub(" ", text).replace("\u2028", "\n").replace("\u2029", "\n").replace("\x85", "\n")
    lines = text.strip("\n").split("\n")
    return line_break.join(
        "".join(f"&#{ord(c)};" if c.isascii() and _PLAIN.match(c) else c for c in line) for line in lines
    )


def question(text: str) -> str:
    """What the person asked."""
    return f'<div class="rb-question">{safe(text)}</div>'


def partial(text: str, language: str) -> str:
    """An answer that is still being written."""
    body = _with_markers(text, ()) if text else f'<span class="rb-wait">{safe(say(language, "searching"))}</span>'
    return f'<div class="rb-answer rb-running">{body}</div>'


def stopped(text: str, language: str) -> str:
    """An answer that was cut short."""
    return f'<div class="rb-answer">{_with_markers(text, ())}</div>{_note("stopped", say(language, "stopped"))}'


def failure(title: str, message: str) -> str:
    """An error in the place of an answer."""
    return f'<div class="rb-banner rb-error" role="alert"><strong>{safe(title)}</strong><br>{safe(message)}</div>'


def answer(given: Answer, language: str) -> str:
    """An answer with its citations, or a refusal with what came nearest."""
    return _refusal(given, language) if given.abstained else _supported(given, language)


def hits(found: Sequence[ScoredChunk], language: str) -> str:
    """Search results, best first."""
    if not found:
        return note(say(language, "no_hits"))
    return f'<ol class="rb-hits">{"".join(_hit(hit, language, scored=True) for hit in found)}</ol>'


def report(done: IngestReport, language: str) -> str:
    """What a run of ingestion did, and why files failed."""
    counts = {"added": done.added, "updated": done.updated, "skipped": done.skipped, "failed_files": done.failed}
    chips = [
        f'<span class="rb-chip rb-{key}">{len(files)} {safe(say(language, key))}</span>'
        for key, files in counts.items()
        if files
    ]
    chips.append(f'<span class="rb-time">{safe(say(language, "seconds", seconds=f"{done.seconds:.1f}"))}</span>')
    reasons = "".join(f"<li>{_reason(failed)}</li>" for failed in done.failed)
    failures = f'<ul class="rb-failures">{reasons}</ul>' if reasons else ""
    return f'<div class="rb-report" role="status"><p>{" ".join(chips)}</p>{failures}</div>'


def table(documents: Sequence[Document], passages: int, language: str) -> str:
    """The documents of a knowledge base."""
    if not documents:
        return note(say(language, "no_documents"))
    columns = ("column_title", "column_type", "column_language", "column_source")
    head = "".join(f'<th scope="col">{safe(say(language, column))}</th>' for column in columns)
    rows = "".join(f"<tr>{_cells(document)}</tr>" for document in documents)
    count = note(say(language, "document_count", documents=len(documents), chunks=passages))
    return (
        f'{count}<div class="rb-scroll" tabindex="0" role="region" aria-label="{safe(say(language, "documents"))}">'
        f'<table class="rb-table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def note(text: str) -> str:
    """A quiet line."""
    return f'<p class="rb-note">{safe(text)}</p>'


def welcome(title: str, hint: str) -> str:
    """What stands where the conversation will be."""
    return f'<div class="rb-welcome"><h2>{safe(title)}</h2><p>{safe(hint)}</p></div>'


def _supported(given: Answer, language: str) -> str:
    body = f'<div class="rb-answer">{_with_markers(given.text, given.citations)}</div>'
    if not given.citations:
        return body + _meta(given, language) + _note("warning", say(language, "no_citations"))
    cards = "".join(_card(citation, language) for citation in given.citations)
    heading = f'<p class="rb-heading">{safe(say(language, "sources"))} {_confidence(given, language)}</p>'
    return f'{body}<div class="rb-sources">{heading}{cards}</div>'


def _refusal(given: Answer, language: str) -> str:
    title = safe(say(language, "refused"))
    banner = f'<div class="rb-banner rb-refusal"><span class="rb-chip">{title}</span> {safe(given.text)}</div>'
    near = given.hits[:NEAREST]
    if not near:
        return banner
    items = "".join(_hit(hit, language) for hit in near)
    heading = f'<p class="rb-heading">{safe(say(language, "nearest"))} {_confidence(given, language)}</p>'
    return f'{banner}<div class="rb-sources">{heading}<ul class="rb-hits">{items}</ul></div>'


def _card(citation: Citation, language: str) -> str:
    place = _place(citation.title, citation.source, citation.page, citation.heading, language)
    return (
        f'<details class="rb-card" open><summary><span class="rb-mark">[{citation.marker}]</span> {place}</summary>'
        f"<blockquote>{safe(citation.quote)}</blockquote></details>"
    )


def _hit(hit: ScoredChunk, language: str, scored: bool = False) -> str:
    chunk = hit.chunk
    text = _BLANK_LINES.sub("\n", chunk.text)  # a passage is shown to be skimmed; only a quote is shown to the letter
    heading = " > ".join(chunk.headings)
    place = _place(chunk.document.title, chunk.document.source, chunk.page, heading, language)
    score = f' <span class="rb-chip">{safe(say(language, "score", score=f"{hit.score:.2f}"))}</span>' if scored else ""
    return f'<li class="rb-card"><p class="rb-place">{place}{score}</p><blockquote>{safe(text)}</blockquote></li>'


def _place(title: str, source: str, page: int | None, heading: str, language: str) -> str:
    heading = heading.removeprefix(title).removeprefix(" > ")  # the path often begins with the title
    parts = [name(source), say(language, "page", page=page) if page else "", heading]
    rest = '<span class="rb-dot"> · </span>'.join(f"<span>{safe(part, ' ')}</span>" for part in parts if part)
    return f'<span class="rb-title">{safe(title or name(source), " ")}</span> <span class="rb-where">{rest}</span>'


def _with_markers(text: str, citations: Sequence[Citation]) -> str:
    """The text, its markers set apart; the quote shows when the pointer rests on one."""
    quotes = {citation.marker: citation.quote for citation in citations}
    pieces = _MARKER.split(text.strip())
    return "".join(_mark(int(piece), quotes) if number % 2 else safe(piece) for number, piece in enumerate(pieces))


def _mark(number: int, quotes: dict[int, str]) -> str:
    title = f' title="{safe(quotes[number], " ")}"' if number in quotes else ""
    return f'<span class="rb-mark"{title}>[{number}]</span>'


def _confidence(given: Answer, language: str) -> str:
    percent = min(99, round(given.confidence * 100))  # an estimate is never certain, and rounding must not make it so
    label = say(language, "confidence", percent=percent)
    return f'<span class="rb-chip" title="{safe(say(language, "confidence_hint"))}">{safe(label)}</span>'


def _meta(given: Answer, language: str) -> str:
    return f'<p class="rb-heading">{_confidence(given, language)}</p>'


def _note(kind: str, text: str) -> str:
    return f'<p class="rb-note rb-{kind}">{safe(text)}</p>'


def _cells(document: Document) -> str:
    values = (document.title or name(document.source), document.type, document.language)
    cells = "".join(f"<td>{safe(value, ' ')}</td>" for value in values)
    return f'{cells}<td class="rb-where" title="{safe(document.source, " ")}">{safe(name(document.source), " ")}</td>'


def name(source: str) -> str:
    """The file's name, without its folders."""
    return PurePath(source).name or source


def _reason(failed: FailedSource) -> str:
    """The file's name and the reason, which may begin with the path or the name."""
    shown = name(failed.source)
    reason = failed.reason.removeprefix(failed.source).removeprefix(shown)
    return f"<strong>{safe(shown)}</strong> {safe(reason.lstrip(': '))}"

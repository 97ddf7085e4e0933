"""Answers: sentences with numbered markers, their sources, what no source supports, and refusals."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from ragbot.documents import Answer, Citation
from ragbot.showing.claims import reason_of, unsupported_html, wrong_claims
from ragbot.showing.documents import documents_html, report_html
from ragbot.showing.hits import hits_html, near_html
from ragbot.showing.html import block, chip, note, place, safe, shortened
from ragbot.showing.words import say

__all__ = [
    "answer_html",
    "cards",
    "documents_html",
    "failure_html",
    "hits_html",
    "partial_html",
    "report_html",
    "with_markers",
]

#: Passages that a refusal shows, and characters of a quote under the pointer.
NEAREST = 3
_QUOTE = 300
#: Confidence in words, from the surest down: the least share, and the key of the words.
_LEVELS = ((0.85, "confidence_high"), (0.6, "confidence_medium"), (0.0, "confidence_low"))
_MARKER = re.compile(r"\[(\d{1,3})\]")


def answer_html(
    answer: Answer, language: str, open_label: str | None = "", *, details: bool = True, kept: bool = False
) -> str:
    """An answer with its citations, or a refusal with what was looked for and what came nearest.

    Markers are buttons with ``data-citation`` (the marker) and ``data-index`` (the place in ``answer.citations`` of its
    first quote), and so are the buttons of the cards; those of passages near a refusal have ``data-hit`` (the place in
    ``answer.hits``).

    Args:
        answer: as :meth:`ragbot.RagBot.ask` gives it.
        language: of the words around it; the answer's own is its affair.
        open_label: on the buttons of the cards; empty for the usual word, None for no such buttons.
        details: whether seconds and tokens are shown.
        kept: it was stored, without the passages that were found.
    """
    label = say(language, "open") if open_label == "" else open_label
    body = _refusal(answer, language, label, kept) if answer.abstained else _given(answer, language, label)
    facts = [_confidence(answer, language)] if answer.hits or not answer.abstained else []
    facts += _costs(answer, language) if details else []
    return block(f'{body}<p class="rb-meta">{" ".join(facts)}</p>' if facts else body, "rb-answered")


def partial_html(text: str, language: str, *, stopped: bool = False) -> str:
    """An answer that is being written, or was ``stopped`` and stays as it is."""
    if not text.strip():
        waiting = say(language, "stopped" if stopped else "searching")
        return block(note(waiting, "rb-stopped" if stopped else "rb-wait"), "rb-running", role="status")
    body = f'<div class="rb-answer">{with_markers(text.strip(), ())}</div>'
    if stopped:
        return block(body + note(say(language, "stopped"), "rb-stopped"))
    return block(body, "rb-running", aria_busy="true")


def failure_html(title: str, message: str) -> str:
    """An error in the place of an answer: what went wrong, and what to do."""
    return block(
        f'<div class="rb-banner rb-error" role="alert"><strong>{safe(title)}</strong><br>{safe(message.strip())}</div>'
    )


def with_markers(
    text: str,
    citations: Sequence[Citation],
    language: str = "en",
    places: Sequence[int | None] | None = None,
    short: str = "",
) -> str:
    """The text as HTML, the markers of ``citations`` as buttons; others are numbers that lead nowhere.

    ``places`` are their ``data-index``, where that is not their own place; None for what cannot be opened. The few words
    of ``short`` stand out, where the text has them.
    """
    first = {citation.marker: index for index, citation in reversed(list(enumerate(citations)))}
    pieces = _MARKER.split(text)
    shown = []
    for number, piece in enumerate(pieces):
        if number % 2 == 0:
            before, words, after = piece.partition(short) if short else (piece, "", "")
            shown.append(f"{safe(before)}<strong>{safe(words)}</strong>{safe(after)}" if words else safe(piece))
            short = "" if words else short  # once
        elif int(piece) in first:
            index = first[int(piece)]
            found = citations[index]
            shown.append(marker_button(found.marker, places[index] if places else index, found.quote, language))
        else:
            shown.append(f'<span class="rb-number">[{piece}]</span>')
    return "".join(shown)


def marker_button(marker: int, index: int | None, quote: str, language: str) -> str:
    """A numbered marker; its quote shows under the pointer and the keyboard's focus, and is read out."""
    quote = shortened(quote, _QUOTE)
    label = safe(say(language, "marker", marker=marker, quote=quote), " ")
    opens = "" if index is None else f' data-index="{index}"'
    return (
        f'<button type="button" class="rb-marker" data-citation="{marker}"{opens} '
        f'title="{safe(quote, " ")}" aria-label="{label}">[{marker}]</button>'
    )


def cards(citations: Sequence[Citation], language: str, open_label: str | None) -> str:
    """The sources by number, each with the exact quotes taken from it."""
    shown = []
    listed = enumerate(citations)
    for marker, group in groupby(listed, key=lambda item: (item[1].marker, item[1].document_id, item[1].page)):
        quotes = list(group)
        first = quotes[0][1]
        where = place(first.title, first.source, first.page, first.heading, language)
        body = "".join(_quote(index, citation, language, open_label) for index, citation in quotes)
        shown.append(
            f'<div class="rb-card" data-citation="{marker[0]}" data-index="{quotes[0][0]}">'
            f'<p class="rb-place"><span class="rb-number">[{marker[0]}]</span> {where}</p>{body}</div>'
        )
    return "".join(shown)


def _quote(index: int, citation: Citation, language: str, open_label: str | None) -> str:
    button = ""
    if open_label is not None:
        hint = safe(say(language, "open_source", title=shortened(citation.title or citation.source, 80)), " ")
        button = (
            f'<button type="button" class="rb-open" data-citation="{citation.marker}" data-index="{index}" '
            f'aria-label="{hint}">{safe(open_label, " ")}</button>'
        )
    return f'<blockquote class="rb-quote">{_focused(citation)}</blockquote>{button}'


def _focused(citation: Citation) -> str:
    """The quote, the phrase in it that a short answer repeats marked."""
    quote = citation.quote
    if citation.focus is None:
        return safe(quote)
    start, end = (min(max(at - citation.start, 0), len(quote)) for at in citation.focus)
    if start >= end:
        return safe(quote)
    return f"{safe(quote[:start])}<mark>{safe(quote[start:end])}</mark>{safe(quote[end:])}"


def _given(answer: Answer, language: str, label: str | None) -> str:
    body = f'<div class="rb-answer">{_sentences(answer, language)}</div>{unsupported_html(answer.claims, language)}'
    if not answer.citations:
        return body + note(say(language, "no_citations"), "rb-warning")
    heading = safe(say(language, "sources"))
    return (
        f'{body}<section class="rb-sources" aria-label="{heading}"><p class="rb-heading">{heading}</p>'
        f"{cards(answer.citations, language, label)}</section>"
    )


def _sentences(answer: Answer, language: str) -> str:
    """The text, each sentence that no source supports set apart, and the few words that answer standing out."""
    shown, at = [], 0
    short = "" if answer.short.strip(" .。") == _MARKER.sub("", answer.text).strip(" .。") else answer.short

    def part(start: int, end: int) -> str:
        return with_markers(answer.text[start:end], answer.citations, language, short=short)

    for claim in wrong_claims(answer.claims):
        if not at <= claim.start < claim.end <= len(answer.text):
            continue  # removed, or of another text
        reason = say(language, "unsupported_label", reason=reason_of(claim.findings, language))
        inner = part(claim.start, claim.end)
        shown += [part(at, claim.start), f'<span class="rb-unsupported" title="{safe(reason, " ")}">{inner}</span>']
        at = claim.end
    shown.append(part(at, len(answer.text.rstrip())))
    return "".join(shown)


def _refusal(answer: Answer, language: str, label: str | None, kept: bool) -> str:
    looked = (
        f'<p class="rb-looked">{safe(say(language, "looked_for"))} <q>{safe(shortened(answer.question, 500))}</q></p>'
    )
    banner = (
        f'<div class="rb-banner rb-refusal">{chip(say(language, "refused"))} {safe(answer.text.strip())}{looked}</div>'
    )
    if not answer.hits:
        return banner if kept else banner + note(say(language, "nothing_near"))
    heading = safe(say(language, "nearest"))
    return (
        f'{banner}<section class="rb-sources" aria-label="{heading}"><p class="rb-heading">{heading}</p>'
        f"{near_html(answer.hits[:NEAREST], language, label)}</section>"
    )


def _confidence(answer: Answer, language: str) -> str:
    share = 0.0 if math.isnan(answer.confidence) else min(max(answer.confidence, 0.0), 1.0)
    percent = min(99, round(share * 100))  # an estimate is never certain, and rounding must not make it so
    key = next((key for least, key in _LEVELS if share >= least), "confidence_low")
    return chip(say(language, key, percent=percent), f"rb-{key.replace('_', '-')}", say(language, "confidence_hint"))


def _costs(answer: Answer, language: str) -> list[str]:
    return [*_seconds(answer.timings, language), *_tokens(answer.usage, language)]


def _seconds(timings: Mapping[str, float], language: str) -> list[str]:
    if "total" not in timings:
        return []
    hint = say(language, "seconds_hint_plain")
    if "search" in timings:
        hint = say(language, "seconds_hint", search=f"{timings['search']:.1f}")
    text = say(language, "seconds", seconds=f"{timings['total']:.1f}")
    return [f'<span class="rb-cost" title="{safe(hint, " ")}">{safe(text)}</span>']


def _tokens(usage: Mapping[str, int], language: str) -> list[str]:
    if not usage:
        return []
    counts = {name: f"{usage.get(f'{name}_tokens', 0):,}" for name in ("input", "output")}
    hint = safe(say(language, "tokens_hint"), " ")
    return [f'<span class="rb-cost" title="{hint}">{safe(say(language, "tokens", **counts))}</span>']

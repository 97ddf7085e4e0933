"""What the review page shows of a question, as HTML that is safe (see :mod:`ragbot.showing.html`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from apps.gradio_review_file import Progress
from apps.gradio_ui.chat_view import welcome_html
from apps.gradio_ui.text import say
from ragbot.documents import ParsedDocument, heading_path, page_at
from ragbot.showing.html import file_name, note, safe

#: Text shown on either side of the evidence, in characters.
AROUND = 240
_BLANK_LINES = re.compile(r"\s*\n\s*\n\s*")


def progress(index: int, at: Progress, language: str) -> str:
    """The line over the question, with a bar."""
    text = say(language, "review_progress", number=index + 1, total=at.total, kept=at.kept, dropped=at.dropped)
    decided = at.kept + at.dropped
    return (
        f'<p class="rb-review-count" role="status">{safe(text)}</p>'
        f'<progress class="rb-review-bar" max="{at.total}" value="{decided}" '
        f'aria-label="{safe(say(language, "review_decided"))}"></progress>'
    )


def passage(record: Mapping[str, Any], documents: Mapping[str, ParsedDocument], language: str) -> str:
    """Where the answer stands: the evidence with what is around it, the answer marked."""
    chips = "".join(f'<span class="rb-chip">{safe(text)}</span> ' for text in _labels(record, language))
    source = record.get("source")
    if not isinstance(source, str):
        hint = "review_unanswerable" if record.get("answerable") is False else "review_no_source"
        return f'<p class="rb-place">{chips}</p>{note(say(language, hint))}'
    document = documents.get(source)
    evidence = str(record.get("evidence") or "")
    start = _place(record, evidence, document)
    if document is None or start is None:
        missing = say(language, "review_not_found", source=source)
        return f'<p class="rb-place">{chips}</p>{note(missing)}<div class="rb-card"><blockquote>{safe(evidence)}</blockquote></div>'
    end = start + len(evidence)
    text = document.text
    before, after = _whole_words(text, start, end)
    page = page_at(document.pages, start)
    path = " > ".join(heading for heading in heading_path(document.headings, start) if heading != document.title)
    where = [file_name(source), say(language, "page", page=page) if page else "", path]
    place = " · ".join(safe(part, " ") for part in where if part)
    shown = (
        f'<span class="rb-around">{"… " if len(before) < start else ""}{_joined(before)}</span>'
        f'<span class="rb-evidence">{_marked(evidence, record)}</span>'
        f'<span class="rb-around">{_joined(after)}{" …" if end + len(after) < len(text) else ""}</span>'
    )
    title = safe(document.title or file_name(source), " ")
    return (
        f'<p class="rb-place"><span class="rb-title">{title}</span> <span class="rb-where">{place}</span></p>'
        f'<p class="rb-place">{chips}</p><div class="rb-passage" tabindex="0" role="region" '
        f'aria-label="{safe(say(language, "review_passage"))}">{shown}</div>'
    )


def finished(at: Progress, command: str, language: str) -> str:
    """All questions are decided: what comes next."""
    done = welcome_html(
        say(language, "review_done"), say(language, "review_done_hint", kept=at.kept, dropped=at.dropped)
    )
    label = safe(say(language, "review_next"))
    return f'{done}<div class="rb-next"><p>{label}</p><code>{safe(command)}</code></div>'


def empty(path: str, language: str) -> str:
    """There is nothing to review."""
    return welcome_html(say(language, "review_empty"), say(language, "review_empty_hint", path=path))


def _whole_words(text: str, start: int, end: int) -> tuple[str, str]:
    """What stands before and behind ``[start, end)``, not begun or ended within a word of Latin letters."""
    first, last = max(start - AROUND, 0), min(end + AROUND, len(text))
    while 0 < first < start and _inside_word(text, first):
        first += 1
    while end < last < len(text) and _inside_word(text, last):
        last -= 1
    return text[first:start], text[end:last]


def _inside_word(text: str, place: int) -> bool:
    return text[place - 1 : place + 1].isascii() and text[place - 1 : place + 1].isalnum()


def _labels(record: Mapping[str, Any], language: str) -> list[str]:
    decision = record.get("review")
    state = {"kept": say(language, "review_kept"), "dropped": say(language, "review_dropped")}.get(str(decision), "")
    kind = say(language, "review_silent") if record.get("answerable") is False else str(record.get("category") or "")
    return [text for text in (state, kind, str(record.get("language") or "")) if text]


def _place(record: Mapping[str, Any], evidence: str, document: ParsedDocument | None) -> int | None:
    """Where the evidence stands: at its offsets if they are right, else where it occurs first."""
    if document is None or not evidence:
        return None
    start = record.get("start")
    if isinstance(start, int) and document.text[start : start + len(evidence)] == evidence:
        return start
    found = document.text.find(evidence)
    return found if found >= 0 else None


def _marked(evidence: str, record: Mapping[str, Any]) -> str:
    """The evidence with the first of its answers marked; the longest where several begin there."""
    places = [(evidence.find(answer), -len(answer)) for answer in record.get("answers", []) if answer]
    found = min((place for place in places if place[0] >= 0), default=None)
    if found is None:
        return _joined(evidence)
    at, length = found[0], -found[1]
    return (
        f"{_joined(evidence[:at])}<mark>{_joined(evidence[at : at + length])}</mark>{_joined(evidence[at + length :])}"
    )


def _joined(text: str) -> str:
    """Lines of a paragraph read on; paragraphs stay apart. White space at the ends stays, as it stands between words."""
    blocks = [block.replace("\n", " ") for block in _BLANK_LINES.split(text)]
    return "<br><br>".join(safe(block) for block in blocks)

"""What the evaluation tab shows beside figures and comparisons, as HTML."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from apps.gradio_ui.text import say
from eval.background import View
from eval.harness import PATIENCE
from ragbot.showing.answers import failure_html
from ragbot.showing.html import block, chip, note, safe, shortened
from ragbot.showing.progress import duration


def view_html(view: View | None, language: str) -> str:
    """The evaluation at work, or how the last one ended."""
    if view is None:
        return ""
    state = chip(say(language, f"evaluation_state_{view.state}"), f"rb-{view.state}")
    name = safe(shortened(view.run or view.dataset, 120), " ")
    parts = [f'<p class="rb-place">{state} <span class="rb-title">{name}</span></p>']
    if not view.finished:
        parts.append(_bar(view, language))
    elif view.state == "done":
        parts.append(note(say(language, "evaluation_took", time=duration(view.seconds, language), count=view.total)))
    elif view.state == "stopped":
        parts.append(note(say(language, "evaluation_stopped_hint" if view.run else "evaluation_stopped_early")))
    if view.errors:
        text = say(language, "evaluation_errors", count=view.errors, most=PATIENCE)
        parts.append(note(text, "rb-warning"))
    if view.error:
        parts.append(failure_html(say(language, "evaluation_failed"), view.error))
    return block("".join(parts), "rb-progressing", role="status")


def report_link(run: str, against: str, language: str) -> str:
    """A link that opens the report of a run."""
    query = urlencode({"lang": language, **({"against": against} if against else {})})
    label = safe(say(language, "evaluation_report"))
    address = f"./evaluation/{quote(run, safe='')}/report.html?{query}"
    return f'<p class="rb rb-visit"><a href="{safe(address, " ")}" target="_blank" rel="noopener">{label}</a></p>'


def review_link(address: str, language: str) -> str:
    """A link to the review page, which has just been started."""
    label = safe(say(language, "evaluation_review_open"))
    return block(f'<p class="rb-visit"><a href="{safe(address, " ")}" target="_blank" rel="noopener">{label}</a></p>')


def _bar(view: View, language: str) -> str:
    total, done = (view.total, view.done) if view.total else (view.total_files, view.files)
    value = f' value="{done / total:.3f}"' if total else ""
    label = safe(say(language, "evaluation_progress"), " ")
    words = []
    if view.stopping:
        words.append(say(language, "evaluation_stopping"))
    elif view.state == "asking":
        words.append(say(language, "evaluation_asked", done=f"{view.done:,}", total=f"{view.total:,}"))
    elif view.total_files:
        words.append(say(language, "evaluation_reading", done=f"{view.files:,}", total=f"{view.total_files:,}"))
    else:
        words.append(say(language, "evaluation_preparing"))
    if view.left is not None and not view.stopping:
        words.append(say(language, "evaluation_left", time=duration(view.left, language)))
    return (
        f'<progress class="rb-progress" max="1"{value} aria-label="{label}"></progress>'
        f'<p class="rb-line">{safe(" · ".join(words))}</p>'
    )

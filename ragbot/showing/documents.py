"""The documents of a knowledge base as a table, and what a run of ingestion did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from ragbot.documents import Document, FailedSource, IngestReport
from ragbot.index.labels import COLLECTION, tags_of
from ragbot.showing.html import block, chip, file_name, note, safe, shortened, tip
from ragbot.showing.words import say

#: Rows that are listed of one kind; the rest is counted.
_MOST = 200
_COLUMNS = ("title", "type", "language", "date", "tags", "access", "source")


def documents_html(
    documents: Sequence[Document],
    language: str,
    *,
    chunks: int | None = None,
    total: int | None = None,
    first: int = 0,
    open_label: str | None = "",
) -> str:
    """The documents as a table; titles are buttons with ``data-document``.

    Args:
        documents: those to show.
        language: of the headings.
        chunks: passages of the knowledge base, to be told above the table.
        total: documents in all, where these are a part of them, from the ``first``-th (counted from 0).
        first: see ``total``.
        open_label: None for titles that are no buttons.
    """
    if not documents:
        return block(note(say(language, "no_documents")))
    count = say(language, "document_count", count=len(documents))
    if total is not None and total != len(documents):
        count = say(language, "document_range", first=first + 1, last=first + len(documents), count=f"{total:,}")
    if chunks is not None:
        number = 1 if chunks == 1 else f"{chunks:,}"
        count = f"{count} · {say(language, 'passage_count', count=number)}"
    dated = any(item.date for item in documents)
    labelled = any(tags_of(item.metadata) or item.metadata.get(COLLECTION) for item in documents)
    limited = any(item.acl for item in documents)
    shown = [
        name
        for name in _COLUMNS
        if (name != "date" or dated) and (name != "tags" or labelled) and (name != "access" or limited)
    ]
    head = "".join(f'<th scope="col">{safe(say(language, f"column_{name}"))}</th>' for name in shown)
    rows = "".join(f"<tr>{_cells(item, shown, language, open_label is not None)}</tr>" for item in documents)
    return block(
        f'{note(count)}<div class="rb-scroll" tabindex="0" role="region" aria-label="{safe(say(language, "documents"))}">'
        f'<table class="rb-table rb-stacked"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def report_html(report: IngestReport, language: str) -> str:
    """What a run of ingestion did with each source, why some failed, and what to do about it."""
    counts = {
        "added": report.added,
        "updated": report.updated,
        "skipped": report.skipped,
        "failed": report.failed,
        "removed": report.removed,
        "ignored": report.ignored,
    }
    chips = [
        chip(say(language, f"report_{key}", count=f"{len(items):,}"), f"rb-{key}")
        for key, items in counts.items()
        if items
    ]
    if not chips:
        chips.append(safe(say(language, "report_nothing")))
    chips.append(f'<span class="rb-cost">{safe(say(language, "seconds", seconds=f"{report.seconds:.1f}"))}</span>')
    parts = [f'<p class="rb-counts">{" ".join(chips)}</p>']
    if report.added or report.updated:
        parts.append(
            note(say(language, "report_passages", chunks=f"{report.chunks:,}", characters=f"{report.characters:,}"))
        )
    elif report.skipped and not (report.failed or report.removed):
        parts.append(note(say(language, "report_unchanged")))
    if report.failed:
        parts.append(f'<ul class="rb-failures">{_list([_failure(item) for item in report.failed], language)}</ul>')
        parts.append(note(say(language, "report_failed_hint")))
    if report.contexts_failed:
        parts.append(note(say(language, "report_contexts_failed", count=f"{report.contexts_failed:,}")))
    for key in ("added", "updated", "removed"):
        parts.append(_folded(f"report_{key}", [str(source) for source in counts[key]], language))
    if report.ignored:
        parts.append(note(f"{_suffixes(report.ignored)}: {say(language, 'report_ignored_hint')}"))
    return block("".join(parts), "rb-report", role="status")


def _cells(document: Document, shown: Sequence[str], language: str, buttons: bool) -> str:
    title = safe(shortened(document.title or file_name(document.source), 200), " ")
    if buttons:
        title = f'<button type="button" class="rb-link" data-document="{document.id}">{title}</button>'
    collection = document.metadata.get(COLLECTION, "")
    labels = [f"{collection}:"] * bool(collection) + [f"#{tag}" for tag in tags_of(document.metadata)]
    access = say(language, "comma").join(document.acl) or say(language, "access_all")
    plain = {
        "type": document.type,
        "language": document.language or "–",
        "date": document.date or "–",
        "tags": " ".join(labels) or "–",
        "access": access,
        "source": file_name(document.source),
    }
    cells = []
    for name in shown:
        text = title if name == "title" else safe(shortened(plain[name], 200), " ")
        attributes = f' title="{tip(document.source)}" class="rb-where"' if name == "source" else ""
        cells.append(f"<td{attributes}>{text}</td>")
    return "".join(cells)


def _failure(failed: FailedSource) -> str:
    """The file's name and the reason, which may begin with the path or the name."""
    name = file_name(failed.source)
    reason = failed.reason.removeprefix(failed.source).removeprefix(name).lstrip(": ")
    shown = f'<strong title="{tip(failed.source)}">{safe(shortened(name, 200), " ")}</strong>'
    return f"{shown} {safe(shortened(reason, 1_000))}"


def _folded(key: str, sources: Sequence[str], language: str) -> str:
    if not sources:
        return ""
    summary = safe(say(language, key, count=f"{len(sources):,}"))
    items = [f'<span title="{tip(source)}">{safe(shortened(file_name(source), 200), " ")}</span>' for source in sources]
    return f'<details class="rb-more"><summary>{summary}</summary><ul>{_list(items, language)}</ul></details>'


def _list(items: Sequence[str], language: str) -> str:
    listed = "".join(f"<li>{item}</li>" for item in items[:_MOST])
    if len(items) > _MOST:
        listed += f"<li>{safe(say(language, 'more', count=f'{len(items) - _MOST:,}'))}</li>"
    return listed


def _suffixes(names: Sequence[str]) -> str:
    """``.psd (3), .mov (1)``."""
    kinds = Counter(PurePosixPath(file_name(name)).suffix.lower() or file_name(name) for name in names).most_common()
    listed = ", ".join(f"{shortened(suffix, 20)} ({count:,})" for suffix, count in kinds[:8])
    return f"{listed}, …" if len(kinds) > 8 else listed

"""Results as text for people: answers with their quotes, hits, reports, and what is in a knowledge base."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from ragbot.console.claim_labels import CLAIM_LABELS, reasons
from ragbot.console.labels import LABELS, Labels
from ragbot.console.terminal import Terminal
from ragbot.documents import Answer, Chunk, Citation, Claim, Document, IngestReport, ScoredChunk
from ragbot.index.labels import COLLECTION, tags_of

#: Characters of a hit that are shown, and of failures and near documents the most that are listed.
_SNIPPET = 300
_NEAREST = 3
#: Other places of one hit that are named.
_COPIES = 5
#: Languages whose name is worth more than their tag.
_LANGUAGES = {"zh": "Chinese", "en": "English", "ja": "Japanese", "ko": "Korean", "": "unknown"}


def file_name(source: str) -> str:
    """The last part of a source."""
    return source.replace("\\", "/").rstrip("/").rpartition("/")[2] or source


def place(title: str, source: str, page: int | None, heading: str, labels: Labels) -> str:
    """``Title (file name), page 3 · Heading``."""
    name = file_name(source)
    text = f"{title} ({name})" if title and title != name else name
    if page is not None:
        text += labels.before_page + labels.page.format(page)
    # The title is often the document's first heading: once is enough.
    heading = heading.removeprefix(title).removeprefix(" > ") if title else heading
    return f"{text} · {heading}" if heading else text


def citations(terminal: Terminal, found: Sequence[Citation], labels: Labels, quotes: bool = True) -> None:
    """Numbered sources, each with the exact quotes taken from it."""
    terminal.line(labels.sources, "bold")
    for head, group in groupby(found, key=lambda item: (item.marker, item.title, item.source, item.page, item.heading)):
        marker, title, source, page, heading = head
        terminal.line(f"[{marker}] {place(title, source, page, heading, labels)}", hang=4)
        for item in group if quotes else ():
            terminal.line(item.quote, "dim", indent=4)


def unsupported(terminal: Terminal, claims: Sequence[Claim], language: str) -> None:
    """The sentences of an answer that no source supports, and why; those that were left out apart."""
    labels = CLAIM_LABELS[language]
    wrong = [claim for claim in claims if claim.status == "unsupported"]
    for title, listed in (
        (labels.unsupported, [claim for claim in wrong if claim.end > claim.start]),
        (labels.removed, [claim for claim in wrong if claim.end == claim.start]),
    ):
        if listed:
            terminal.line()
            terminal.line(title, "bold red")
        for claim in listed:
            terminal.line(f"✗ {snippet(claim.text)}", hang=2)
            terminal.line(reasons(claim.findings, language), "dim", indent=2)


def after_answer(terminal: Terminal, answer: Answer, threshold: float, quotes: bool = True) -> None:
    """What comes below the text of an answer, or of a refusal (given below the confidence ``threshold``)."""
    labels = LABELS[answer.language]
    terminal.line()
    unsupported(terminal, answer.claims, answer.language)
    if answer.citations and not answer.abstained:
        terminal.line()
        citations(terminal, answer.citations, labels, quotes)
    elif answer.hits:
        terminal.line()
        if not answer.abstained:
            terminal.line(labels.no_citations)
        terminal.line(labels.nearest)
        places = dict.fromkeys(chunk_place(hit.chunk, labels) for hit in answer.hits)
        for text in list(places)[:_NEAREST]:
            terminal.line(f"- {text}", hang=2)
    if answer.hits:
        terminal.line()
        needed = labels.threshold.format(f"{threshold:.0%}") if answer.confidence < threshold else ""
        terminal.line(labels.confidence.format(f"{min(answer.confidence, 0.99):.0%}") + needed, "dim")
    seconds = " · ".join(f"{name} {value:.2f} s" for name, value in answer.timings.items())
    if terminal.verbose and seconds:
        terminal.note(seconds)


def hits(terminal: Terminal, found: Sequence[ScoredChunk], labels: Labels) -> None:
    """Numbered hits: where, how good, what it says, and the offsets."""
    for number, hit in enumerate(found, 1):
        chunk = hit.chunk
        if number > 1:
            terminal.line()
        terminal.line(f"{number}. {chunk_place(chunk, labels)}", "bold", hang=3)
        terminal.line(snippet(chunk.text), indent=3)
        details = labels.characters.format(chunk.start, chunk.end, chunk.document.source)
        terminal.line(f"{labels.score.format(f'{hit.score:.2f}')} · {details}", "dim", indent=3)
        also = dict.fromkeys(file_name(copy.source) for copy in hit.duplicates)
        if also:
            more = f" … +{len(also) - _COPIES}" if len(also) > _COPIES else ""
            terminal.line(labels.also_in.format(", ".join(list(also)[:_COPIES])) + more, "dim", indent=3)


def snippet(text: str) -> str:
    """The start of a text on one line."""
    text = " ".join(text.split())
    return text if len(text) <= _SNIPPET else text[: _SNIPPET - 1].rstrip() + "…"


def chunk_place(chunk: Chunk, labels: Labels) -> str:
    """Where a chunk stands, as :func:`place` says it."""
    return place(chunk.document.title, chunk.document.source, chunk.page, " > ".join(chunk.headings), labels)


def report(terminal: Terminal, done: IngestReport) -> None:
    """What an ingestion did; each failure with its reason."""
    terminal.line(report_line(done), "bold")
    if done.added or done.updated:
        rate = done.characters / done.seconds if done.seconds else 0.0
        terminal.line(f"{done.chunks:,} chunks from {done.characters:,} characters ({rate:,.0f} characters/s)")
    if done.skipped and not (done.added or done.updated or done.failed or done.removed):
        terminal.line("Nothing has changed since they were ingested.")
    for failure in done.failed:
        terminal.line(f"failed: {failure.source}: {failure.reason}", "red", hang=2)
    for source in done.removed:
        terminal.line(f"removed: {source}", "dim", hang=2)
    if done.ignored:
        kinds = Counter(Path(name).suffix.lower() or "no suffix" for name in done.ignored).most_common()
        listed = ", ".join(f"{suffix} ({count})" for suffix, count in kinds[:8]) + (", …" if len(kinds) > 8 else "")
        terminal.line(f"{_many(len(done.ignored), 'file')} of other formats ignored: {listed}", "dim")


def report_line(done: IngestReport) -> str:
    """An ingestion in one line."""
    counts = [f"{len(getattr(done, name))} {name}" for name in ("added", "updated", "skipped", "failed")]
    if done.removed:
        counts.append(f"{len(done.removed)} removed")
    return f"{', '.join(counts)} in {duration(done.seconds)}"


def kb_info(terminal: Terminal, info: Mapping[str, Any]) -> None:
    """What is in a knowledge base."""
    embedder = info["embedder"]
    model = (
        f"{embedder['name']} ({embedder['dimension']} dimensions, {embedder['quantization']})"
        if embedder
        else "unknown"
    )
    terminal.columns(
        [
            ("knowledge base", info["kb"]),
            ("folder", info["folder"]),
            ("documents", f"{info['documents']:,}"),
            ("chunks", f"{info['chunks']:,}"),
            ("characters", f"{info['characters']:,}"),
            ("size on disk", size(info["bytes"])),
            ("embedder", model),
            ("vector store", " ".join(filter(None, (info["vector_store"], info["vector_index"])))),
            ("types", _tally(info["types"])),
            ("languages", _tally({_LANGUAGES.get(tag, tag): count for tag, count in info["languages"].items()})),
            ("changes", f"{info['seq']:,}"),
        ]
    )
    if not info["documents"]:
        terminal.note(f"It is empty; add documents: ragbot ingest FOLDER --kb {info['kb']}")


def kb_list(terminal: Terminal, listing: Mapping[str, Any]) -> None:
    """The knowledge bases that have a name."""
    rows = listing["knowledge_bases"]
    if not rows:
        terminal.line(f"There is no knowledge base in {listing['folder']} yet; make one: ragbot ingest FOLDER")
        return
    terminal.columns(
        [
            (
                "*" if row["default"] else "",
                row["name"],
                row["error"] or _many(row["documents"], "document"),
                row["folder"],
            )
            for row in rows
        ]
    )


def documents(terminal: Terminal, listing: Mapping[str, Sequence[Document]]) -> None:
    """One line a document."""
    found = listing["documents"]
    if not found:
        terminal.line("There are no documents yet. Add some: ragbot ingest FOLDER")
        return
    terminal.columns(
        [
            (
                item.type,
                item.language or "-",
                item.date or "-",
                item.title or file_name(item.source),
                item.source,
                _labels(item),
            )
            for item in found
        ]
    )
    terminal.note(_many(len(found), "document"))


def no_such_documents(terminal: Terminal, listing: Mapping[str, Sequence[Document]]) -> None:
    """Nothing has these labels."""
    terminal.line("No document has these labels; ragbot kb documents shows all of them, with theirs.")


def _labels(document: Document) -> str:
    """``reports: #budget #2024``, or nothing."""
    collection = document.metadata.get(COLLECTION, "")
    tags = " ".join(f"#{tag}" for tag in tags_of(document.metadata))
    return f"{collection}: {tags}" if collection and tags else collection or tags


def size(count: float) -> str:
    """Bytes for people: ``4.2 MB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    """Seconds for people: ``0.4 s``, ``3 min 12 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def _tally(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

"""What each tool does: plain calls of a RagBot, in a thread, with text for the model and data for programs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from agents.mcp.server import naming
from agents.mcp.server.folders import checked
from agents.mcp.server.job import Job
from agents.mcp.server.texts import TEXTS
from agents.tools.net.cleaning import one_line
from ragbot.bot import RagBot
from ragbot.documents import Answer, Citation, Document, ScoredChunk
from ragbot.errors import SourceError, UserError
from ragbot.index.access import counts, document_of, seen, text_of
from ragbot.index.filters import Filter
from ragbot.text import answer_language

Reply: TypeAlias = tuple[str, dict[str, Any]]
Handler: TypeAlias = Callable[[Mapping[str, Any], Job], Reply]

TOP_K, MAX_TOP_K = 5, 50
PAGE, MAX_PAGE = 50, 200
PIECE, MAX_PIECE = 6_000, 50_000
_FAILURES = 20


class Handlers:
    """The tools over one knowledge base.

    Args:
        bot: an open one; it stays the caller's to close.
        folders: from which documents may be brought in; none: they may not.
        asking: of this, only who asks counts: documents that they may not see do not exist for any tool.
    """

    def __init__(self, bot: RagBot, folders: Sequence[Path] = (), asking: Filter | None = None) -> None:
        self._bot = bot
        self._asking = seen(asking)
        self._folders = [folder.resolve() for folder in folders]
        self._writing = threading.Lock()

    def table(self) -> dict[str, Handler]:
        """The tools by name."""
        tools: dict[str, Handler] = {
            "search": self.search,
            "ask": self.ask,
            "list_documents": self.list_documents,
            "read_document": self.read_document,
        }
        return {**tools, "ingest": self.ingest} if self._folders else tools

    @property
    def folders(self) -> Sequence[Path]:
        """From which documents may be brought in."""
        return self._folders

    def search(self, arguments: Mapping[str, Any], job: Job) -> Reply:
        """The passages that fit a question best."""
        question, language = self._question(arguments)
        job.report(0, 1, TEXTS(language, "searching"))
        hits = self._bot.search(question, arguments.get("top_k", TOP_K), self._where(arguments))
        job.check()
        rows = [_hit(number, hit) for number, hit in enumerate(hits, 1)]
        blocks = [f"[{row['marker']}] {_place(row, language)}\n{row['text']}" for row in rows]
        return "\n\n".join(blocks) or self._nothing(language), {"question": question, "hits": rows}

    def ask(self, arguments: Mapping[str, Any], job: Job) -> Reply:
        """An answer with its sources, or a refusal that says so."""
        question, language = self._question(arguments)
        job.report(0, None, TEXTS(language, "searching"))
        stream = self._bot.stream(question, where=self._where(arguments))
        try:
            written = 0
            for piece in stream:
                written += len(piece)
                job.report(written, None, TEXTS(language, "answering"))
        except BaseException:
            stream.close()
            raise
        answer = stream.answer
        return _answered(answer, language), _answer_data(answer)

    def list_documents(self, arguments: Mapping[str, Any], job: Job) -> Reply:
        """Documents by source, a page at a time."""
        language, words = self._language(), str(arguments.get("contains", "")).casefold().strip()
        documents = self.documents()
        if words:
            documents = [one for one in documents if words in one.title.casefold() or words in one.source.casefold()]
        if not documents:
            return (TEXTS(language, "no_match", words=words) if words else self._nothing(language)), {
                "total": 0,
                "documents": [],
            }
        offset = min(arguments.get("offset", 0), len(documents))
        page = documents[offset : offset + arguments.get("limit", PAGE)]
        head = TEXTS(language, "documents", total=len(documents), first=offset + 1, last=offset + len(page))
        lines = [head, *(f"{one.id}. {one_line(one.title, 200)} ({one.source})" for one in page)]
        if offset + len(page) < len(documents):
            lines.append(TEXTS(language, "next", offset=offset + len(page)))
        rows = [
            {
                "id": one.id,
                "uri": naming.address(one.id),
                "source": one.source,
                "title": one.title,
                "type": one.type,
                "language": one.language,
                "date": one.date,
            }
            for one in page
        ]
        return "\n".join(lines), {"total": len(documents), "offset": offset, "documents": rows}

    def read_document(self, arguments: Mapping[str, Any], job: Job) -> Reply:
        """A piece of a document's text."""
        name, language = arguments["document"], self._language()
        document = naming.find(self.documents(), name, language)
        text = text_of(self._bot.kb.catalog, document.id, self._asking)
        start, length = arguments.get("start", 0), arguments.get("length", PIECE)
        if start and start >= len(text):
            raise SourceError(TEXTS(language, "behind", start=start, total=len(text)))
        piece = text[start : start + length]
        place = {"title": one_line(document.title, 200), "source": document.source}
        span = {"start": start, "end": start + len(piece), "total": len(text)}
        data = {"id": document.id, "uri": naming.address(document.id), **place, **span, "text": piece}
        return f"{TEXTS(language, 'part', **place, **span)}\n{piece}", data

    def ingest(self, arguments: Mapping[str, Any], job: Job) -> Reply:
        """Files and folders, as far as they may be read, into the knowledge base."""
        paths = checked(arguments["paths"], self._folders)
        with self._writing:  # of two calls, the second waits
            job.check()
            report = self._bot.ingest(
                *paths, progress=lambda now: job.report(now.files, now.total_files, one_line(now.current, 200))
            )
        language = self._language()
        counts = {name: len(getattr(report, name)) for name in ("added", "updated", "skipped", "failed")}
        lines = [TEXTS(language, "ingested", **counts)]
        lines += [f"{failure.source}: {failure.reason}" for failure in report.failed[:_FAILURES]]
        data = {
            "added": list(report.added),
            "updated": list(report.updated),
            "skipped": len(report.skipped),
            "failed": [{"source": failure.source, "reason": failure.reason} for failure in report.failed],
            "chunks": report.chunks,
        }
        return "\n".join(lines), data

    def document(self, document_id: int) -> tuple[Document, str]:
        """A document and its text. Raises SourceError if there is none of this number."""
        catalog = self._bot.kb.catalog
        try:
            return document_of(catalog, document_id, self._asking), text_of(catalog, document_id, self._asking)
        except SourceError:
            raise SourceError(f"there is no document {naming.address(document_id)}: it may have been removed") from None

    def documents(self) -> list[Document]:
        """All documents that the asker may see, by source."""
        return self._bot.documents(self._asking)

    def _question(self, arguments: Mapping[str, Any]) -> tuple[str, str]:
        question = arguments["question"].strip()
        if not question:
            raise UserError("the question is empty: write what you want to know")
        return question, self._language(question)

    def _language(self, question: str = "") -> str:
        chosen = self._bot.settings.language
        return chosen if chosen != "auto" else answer_language(question) if question else "en"

    def _nothing(self, language: str) -> str:
        return TEXTS(language, "nothing" if counts(self._bot.kb.catalog, self._asking)["documents"] else "empty")

    def _where(self, arguments: Mapping[str, Any]) -> Filter:
        """The sources that are named, whole, or by file name alone, as far as the asker may see them."""
        names = arguments.get("sources") or ()
        return replace(self._asking, sources=tuple(name if "/" in name else f"*/{name}" for name in names))


def _hit(marker: int, hit: ScoredChunk) -> dict[str, Any]:
    chunk = hit.chunk
    return {
        "marker": marker,
        "document_id": chunk.document.id,
        "uri": naming.address(chunk.document.id),
        "source": chunk.document.source,
        "title": chunk.document.title,
        "page": chunk.page,
        "heading": " > ".join(chunk.headings),
        "start": chunk.start,
        "end": chunk.end,
        "score": round(float(hit.score), 4),
        "text": chunk.text,
    }


def _place(row: Mapping[str, Any], language: str) -> str:
    name, title = naming.file_name(row["source"]), one_line(row["title"], 200)
    parts = [f"{title} ({name})" if title and title != name else name]
    if row["page"] is not None:
        parts.append(TEXTS(language, "page", page=row["page"]))
    heading = one_line(row["heading"], 200).removeprefix(title).removeprefix(" > ")
    return " · ".join([*parts, heading] if heading else parts)


def _cited(citation: Citation) -> dict[str, Any]:
    return {
        "marker": citation.marker,
        "document_id": citation.document_id,
        "uri": naming.address(citation.document_id),
        "source": citation.source,
        "title": citation.title,
        "page": citation.page,
        "heading": citation.heading,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
    }


def _answered(answer: Answer, language: str) -> str:
    lines = [answer.text.strip()]
    if answer.citations:
        lines += ["", TEXTS(language, "nearest" if answer.abstained else "sources")]
        for citation in answer.citations:
            row = _cited(citation)
            lines += [f"[{citation.marker}] {_place(row, language)}", f"    {citation.quote}"]
    elif answer.abstained:
        lines.append(TEXTS(language, "refused"))
    wrong = [claim for claim in answer.claims if claim.status == "unsupported" and claim.end > claim.start]
    lines += [TEXTS(language, "unsupported", text=claim.text) for claim in wrong]
    return "\n".join(lines)


def _answer_data(answer: Answer) -> dict[str, Any]:
    return {
        "question": answer.question,
        "text": answer.text,
        "short": answer.short,
        "abstained": answer.abstained,
        "confidence": round(answer.confidence, 4),
        "language": answer.language,
        "citations": [_cited(citation) for citation in answer.citations],
        "unsupported": [claim.text for claim in answer.claims if claim.status == "unsupported"],
    }

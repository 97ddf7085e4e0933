"""One run of ingestion: gathers documents until their new texts fill a batch, embeds it, commits each document."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ingest.checks import check_text
from ingest.chunkers.base import Chunker
from ingest.contextual import ContextWriter
from ingest.describing import Describer
from ingest.prepare import PREFIX_VERSION, embedded_text, prepare
from ingest.progress import Meter
from ingest.storing import Storing
from ragbot.documents import FailedSource, IngestReport, ParsedDocument
from ragbot.errors import LoaderError
from ragbot.index.contexts import forget_changed
from ragbot.index.counting import COUNTING, counting
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.labels import Labels
from ragbot.index.records import FileState, NewChunk
from ragbot.models.embedders.base import Embedder, Vectors
from ragbot.sections.ingest import ContextName

log = logging.getLogger(__name__)

#: Raised when loaders make other text or labels of the same file: unchanged files are then read again.
LOADERS_VERSION = 3
#: Documents that wait for their batch are bounded in characters and in vectors too: those of long ones are many.
PENDING_CHARACTERS = 8_000_000
PENDING_VECTORS = 16_384
#: Share of the work on a document that a chat model's lines are; the rest is embedding.
_DESCRIBING = 0.9


@dataclass(frozen=True, slots=True)
class Pending:
    """A document that has been cut and waits for its embeddings."""

    source: str
    parsed: ParsedDocument
    state: FileState
    chunks: list[NewChunk]
    is_new: bool


@dataclass
class Run:
    """Use it while :meth:`ragbot.index.knowledge_base.KnowledgeBase.writing` holds the lock.

    Args:
        batch: texts to be embedded are gathered over documents up to this many, so that small files fill the cores too.
        context: what is embedded in front of a chunk; ``model`` needs a ``writer``.
        writer: asks the chat model.
        labels: what the person gives to the documents.
    """

    kb: KnowledgeBase
    embedder: Embedder
    chunker: Chunker
    acl: Sequence[str] | None
    meter: Meter
    batch: int
    context: ContextName = "title"
    writer: ContextWriter | None = None
    labels: Labels = field(default_factory=Labels)
    _describer: Describer | None = field(init=False, default=None)
    _counted: str = field(init=False, default="")
    #: Sources of which some chunks lack their lines.
    _incomplete: set[str] = field(default_factory=set)
    _pending: list[Pending] = field(default_factory=list)
    _texts: dict[bytes, str] = field(default_factory=dict)
    _known: dict[bytes, Vectors] = field(default_factory=dict)
    _added: list[str] = field(default_factory=list)
    _updated: list[str] = field(default_factory=list)
    _skipped: list[str] = field(default_factory=list)
    _failed: list[FailedSource] = field(default_factory=list)
    _chunks: int = 0
    _embedded: int = 0
    _in_batch: int = 0
    _characters: int = 0
    _storing: Storing = field(init=False)
    _started: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self._storing = Storing(self.kb)
        mine, theirs = counting(self.embedder), self.kb.catalog.get(COUNTING)
        if theirs is None:
            self.kb.catalog.put(COUNTING, mine)
        elif theirs != mine:  # the knowledge base got another embedder: its documents are cut anew
            self._counted = f"/counted-{mine}"
        if self.context == "model":
            if self.writer is None:
                raise ValueError("context='model' needs a writer")
            self._describer = Describer(self.kb.folder, self.writer)

    @property
    def signature(self) -> str:
        """What the contents of a source are made into: it ends the hash that is stored of them."""
        cut = f"/{LOADERS_VERSION}.{PREFIX_VERSION}/{self.chunker.signature}"
        if self.context != "title":
            cut += f"/{self.writer.signature if self.writer else self.context}"
        return cut + self._counted

    def take(self, source: str, parsed: ParsedDocument) -> None:
        """A document that is in memory."""
        digest = hashlib.blake2b(repr(parsed).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        state = FileState(digest + self.signature, len(parsed.text))
        try:
            check_text(source, parsed)
        except LoaderError as error:
            self.fail(source, str(error), state.size)
            return
        known = self.kb.catalog.file_state(source)
        if known and known.content_hash == state.content_hash:
            self.unchanged(source, state.size)
        else:
            self.queue(Pending(source, parsed, state, self.cut(parsed), known is None))

    def cut(self, parsed: ParsedDocument) -> list[NewChunk]:
        """The chunks of a document."""
        return prepare(parsed, self.chunker, titles=self.context != "none")

    def queue(self, document: Pending) -> None:
        """Have a document stored; it is committed when its batch is full, or by :meth:`finish`."""
        document = self._described(self._labelled(document))
        self._pending.append(document)
        wanted = {chunk.embedded_hash: chunk for chunk in document.chunks if chunk.embedded_hash not in self._known}
        self._known.update(self.kb.catalog.embeddings_of(wanted))
        for digest, chunk in wanted.items():
            if digest not in self._known:
                self._texts[digest] = embedded_text(chunk.prefix, document.parsed.text[chunk.start : chunk.end])
        characters = sum(len(document.parsed.text) for document in self._pending)
        full = max(len(self._texts), len(self._pending)) >= self.batch
        if full or characters >= PENDING_CHARACTERS or len(self._known) >= PENDING_VECTORS:
            self._flush()

    def unchanged(self, source: str, size: int) -> None:
        """The contents are the same; who may see them, and their labels, can be new."""
        changed = self.acl is not None and self.kb.catalog.set_acl(source, self.acl)
        if self.labels.given:
            known = self.kb.catalog.metadata_of(source) or {}
            changed |= self.kb.catalog.set_metadata(source, self.labels.applied(known, known))
        (self._updated if changed else self._skipped).append(source)
        self.meter.advance(source, size, outcome="updated" if changed else "skipped")

    def fail(self, source: str, reason: str, size: int) -> None:
        """A source that cannot be read is a line in the report."""
        source = source.encode("utf-8", "replace").decode()  # so that every reader of the report can print it
        log.info("%s: %s", source, reason)
        self._failed.append(FailedSource(source, reason))
        self.meter.advance(source, size, outcome="failed", reason=reason)

    @property
    def taken(self) -> frozenset[str]:
        """The sources that were committed, or found to be unchanged, so far, and lack nothing."""
        return frozenset((*self._added, *self._updated, *self._skipped)) - self._incomplete

    def finish(self) -> IngestReport:
        """Commit what waits, and report."""
        self._flush()
        return IngestReport(
            added=tuple(self._added),
            updated=tuple(self._updated),
            skipped=tuple(self._skipped),
            failed=tuple(self._failed),
            chunks=self._chunks,
            embedded=self._embedded,
            characters=self._characters,
            contexts=self._describer.written if self._describer else 0,
            contexts_failed=self._describer.failed if self._describer else 0,
            seconds=time.perf_counter() - self._started,
        )

    def _labelled(self, document: Pending) -> Pending:
        known = self.kb.catalog.metadata_of(document.source)
        metadata = self.labels.applied(document.parsed.metadata, known)
        return replace(document, parsed=replace(document.parsed, metadata=metadata))

    def _described(self, document: Pending) -> Pending:
        """The document with its lines, if a chat model writes some."""
        if self._describer is None:
            return document
        waiting = sum(other.state.size for other in self._pending)

        def progress(done: int, total: int) -> None:
            self.meter.contexts += 1
            self.meter.show(document.source, int(_DESCRIBING * (waiting + document.state.size * done / total)))

        chunks, complete = self._describer.describe(document.source, document.parsed, document.chunks, progress)
        state = document.state
        if not complete:
            # Not the hash that the next run looks for: it tries the lines that are missing again.
            self._incomplete.add(document.source)
            state = replace(state, content_hash=f"{state.content_hash}/incomplete")
        return replace(document, chunks=chunks, state=state)

    def _flush(self) -> None:
        if self._texts:
            vectors = self.embedder.encode_documents(list(self._texts.values()), self._embedding)
            self._known.update(zip(self._texts, vectors, strict=True))
            self._embedded += len(self._texts)
        if self._describer is None:  # lines of an earlier run speak of text that may be gone
            forget_changed(
                self.kb.folder, [document.source for document in self._pending if self._is_changed(document)]
            )
        stored = sum(len(document.chunks) for document in self._pending)
        for document in self._pending:
            rows = [self._known[chunk.embedded_hash] for chunk in document.chunks]
            matrix = np.stack(rows) if rows else np.empty((0, self.embedder.fingerprint.dimension), np.float32)
            self.kb.catalog.put_document(
                document.source, document.parsed, document.state, document.chunks, matrix, self.acl
            )
            (self._added if document.is_new else self._updated).append(document.source)
            self._chunks += len(document.chunks)
            self._characters += len(document.parsed.text)
            self.meter.advance(
                document.source,
                document.state.size,
                len(document.chunks),
                "added" if document.is_new else "updated",
            )
        self._pending.clear()
        self._texts.clear()
        self._in_batch = 0
        self._known.clear()
        self._storing.committed(stored)

    def _is_changed(self, document: Pending) -> bool:
        """Whether its contents are others than those stored, rather than made into something else."""
        known = self.kb.catalog.file_state(document.source)
        hashes = (document.state.content_hash, known.content_hash if known else "")
        return len({digest.partition("/")[0] for digest in hashes}) > 1

    def _embedding(self, texts: int) -> None:
        """Move the bar while a batch is embedded: its documents are that much nearer to their commit."""
        self._in_batch += texts
        before = _DESCRIBING if self._describer else 0.0
        done = before + (1 - before) * self._in_batch / len(self._texts)
        self.meter.show(self._pending[0].source, int(sum(document.state.size for document in self._pending) * done))

"""Ingest: read, cut, embed what is new, commit document by document, and report.

A document that was committed is acknowledged: it survives a kill at any instant. The run can be stopped and started
again; files whose contents have not changed are skipped, and text that is embedded already is not embedded again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ingest.checks import check_file, check_name, check_text, hash_file, size_of
from ingest.chunkers.base import Chunker
from ingest.loaders import load
from ingest.origins import Item, Origins
from ingest.parsing import Limits, ParserPool
from ingest.prepare import PREFIX_VERSION, embedded_text, prepare
from ingest.sources import Found, find, vanished
from ingest.temporary import own_title, own_words
from ingest.web.address import is_url
from ragbot.documents import FailedSource, IngestReport, ParsedDocument
from ragbot.errors import LoaderError, RagbotError
from ragbot.index.catalog import Catalog
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.records import FileState, NewChunk
from ragbot.models.embedders.base import Embedder, Vectors

log = logging.getLogger(__name__)

#: Texts to be embedded are gathered over documents up to this many, so that small files fill the cores too.
BATCH = 256
#: Raised when loaders make other text of the same file: unchanged files are then read again.
LOADERS_VERSION = 2
MAX_BYTES = 256 * 1024 * 1024
#: Read here rather than in a process of their own: loaders of ours, in time that grows with the length alone.
INLINE = frozenset({".md", ".markdown", ".txt", ".text", ".log"})
INLINE_BYTES = 1 << 20
#: Files that are parsed ahead of the one whose turn it is, for each process, and their bytes in all.
AHEAD = 4
AHEAD_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come.

    ``files`` and ``chunks`` count what was committed, skipped or refused; ``bytes`` move on while a batch is embedded.
    ``worked`` are the bytes of it that were read and embedded rather than skipped: the time left follows from them.
    """

    files: int
    total_files: int
    bytes: int
    total_bytes: int
    chunks: int
    current: str
    worked: int = 0


ProgressCallback = Callable[[Progress], None]


def ingest(
    kb: KnowledgeBase,
    embedder: Embedder,
    chunker: Chunker,
    paths: Iterable[str | os.PathLike[str]],
    *,
    acl: Sequence[str] | None = None,
    max_bytes: int = MAX_BYTES,
    parsers: int = 0,
    limits: Limits | None = None,
    sync: bool = False,
    images: bool = False,
    user_agent: str = "ragbot",
    allow_private: bool = False,
    progress: ProgressCallback | None = None,
) -> IngestReport:
    """Bring files, folders, archives and pages of the web into a knowledge base.

    Args:
        paths: files, folders, and URLs as strings. The members of an archive are documents of their own.
        acl: principals that may see the documents, empty for everyone; None keeps what an old one had (a new one:
            everyone).
        max_bytes: larger files are refused.
        parsers: processes that parse; 0 for one a core.
        limits: what parsing one file may cost.
        sync: also remove the documents whose files have vanished from the folders among ``paths``, and the members
            that have vanished from an archive.
        images: also read the pictures in folders; one that is named itself is read in any case.
        user_agent: what servers are told when a page is fetched.
        allow_private: whether a URL may name a host in a private network.
        progress: called after each file.

    Raises:
        SourceError: a path does not exist, or there is nothing to read.
        LockedError: another process is writing.
        StorageError: the disk is full; what was committed stays.
    """
    named = list(paths)
    urls = [path for path in named if isinstance(path, str) and is_url(path)]
    files = [path for path in named if not (isinstance(path, str) and is_url(path))]
    found = find(files, images) if files or not urls else Found([], [], [], [])
    workers = parsers or _cores()
    with kb.writing() as catalog, ParserPool(workers, limits or Limits()) as pool:
        with Origins(max_bytes, user_agent, allow_private, catalog.metadata_of) as origins:
            run = _Run(catalog, embedder, chunker, acl, progress)
            run.measure(found.files, len(urls))
            run.take_items(origins.items(found.files, urls), max_bytes, pool, AHEAD * workers)
            report = run.finish()
        if sync:
            sources = [document.source for document in catalog.documents()]
            gone = vanished(sources, found.folders, origins.inside)
            report = replace(report, removed=tuple(source for source in gone if catalog.remove_document(source)))
    return replace(
        report,
        ignored=(*map(str, found.ignored), *origins.ignored),
        failed=(*found.failed, *origins.failed, *report.failed),
    )


def ingest_documents(
    kb: KnowledgeBase,
    embedder: Embedder,
    chunker: Chunker,
    documents: Mapping[str, ParsedDocument],
    *,
    acl: Sequence[str] | None = None,
    progress: ProgressCallback | None = None,
) -> IngestReport:
    """Bring documents that are in memory into a knowledge base, by source name. Raises as :func:`ingest`."""
    with kb.writing() as catalog:
        run = _Run(catalog, embedder, chunker, acl, progress)
        run.total_files = len(documents)
        run.total_bytes = sum(len(document.text) for document in documents.values())
        for source, document in documents.items():
            run.take(source, document)
        return run.finish()


@dataclass(frozen=True, slots=True)
class _Parsing:
    """A file that is new or changed; ``result`` is None where it is read in this process when its turn comes."""

    item: Item
    path: Path
    state: FileState
    is_new: bool
    result: Future[ParsedDocument] | None


@dataclass
class _Pending:
    source: str
    parsed: ParsedDocument
    state: FileState
    chunks: list[NewChunk]
    is_new: bool


@dataclass
class _Run:
    """One run: gathers documents until their new texts fill a batch, embeds the batch, commits each document."""

    catalog: Catalog
    embedder: Embedder
    chunker: Chunker
    acl: Sequence[str] | None
    progress: ProgressCallback | None
    total_files: int = 0
    total_bytes: int = 0
    _pending: list[_Pending] = field(default_factory=list)
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
    _files: int = 0
    _bytes: int = 0
    _worked: int = 0
    _shown_bytes: int = 0
    _shown_worked: int = 0
    _started: float = field(default_factory=time.perf_counter)

    def measure(self, files: Sequence[Path], pages: int = 0) -> None:
        self.total_files = len(files) + pages
        self.total_bytes = sum(map(size_of, files))

    def take_items(self, items: Iterable[Item], max_bytes: int, pool: ParserPool, ahead: int) -> None:
        """Parse some files ahead while others are embedded; they are stored in the order of ``items``."""
        waiting: deque[_Parsing] = deque()
        waiting_bytes = 0
        for item in items:
            parsing = self._examine(item, max_bytes, pool)
            if parsing is None:
                item.done()
                continue
            waiting.append(parsing)
            waiting_bytes += parsing.state.size
            # Bounded, so that memory does not grow with the number of files.
            while len(waiting) > ahead or (waiting_bytes > AHEAD_BYTES and len(waiting) > 1):
                waiting_bytes -= waiting[0].state.size
                self._take_parsed(waiting.popleft(), max_bytes)
        while waiting:
            self._take_parsed(waiting.popleft(), max_bytes)

    def _examine(self, item: Item, max_bytes: int, pool: ParserPool) -> _Parsing | None:
        """Have a file parsed if it is new or changed; None if there is nothing to do for it."""
        path, source = item.path, item.source
        if path is None:
            self._unchanged(source, 0)
            return None
        size = 0
        try:
            status = path.stat()
            size = status.st_size
            check_file(path, status, max_bytes)
            known = self.catalog.file_state(source)
            # A private copy is always new; what it holds may not be.
            changed = 0 if item.name else status.st_mtime_ns
            if known and not item.name and (known.size, known.mtime_ns) == (size, changed):
                if known.content_hash.endswith(self._signature):
                    self._unchanged(source, size)
                    return None
            state = FileState(hash_file(path) + self._signature, size, changed)
            if known and known.content_hash == state.content_hash:
                if not item.name:
                    self.catalog.touch(source, state)
                self._unchanged(source, size)
                return None
        except LoaderError as error:
            self._fail(source, str(own_words(error, path, item.name) if item.name else error), size)
            return None
        except OSError as error:
            self._fail(source, f"cannot be read: {error.strerror or error}", size)
            return None
        here = path.suffix.lower() in INLINE and size <= INLINE_BYTES
        return _Parsing(item, path, state, known is None, None if here else pool.submit(path, max_bytes))

    def _take_parsed(self, parsing: _Parsing, max_bytes: int) -> None:
        source = parsing.item.source
        try:
            parsed, chunks = self._read(parsing, max_bytes)
        except LoaderError as error:
            name = parsing.item.name
            self._fail(source, str(own_words(error, parsing.path, name) if name else error), parsing.state.size)
        except OSError as error:
            self._fail(source, f"cannot be read: {error.strerror or error}", parsing.state.size)
        else:
            self._queue(_Pending(source, parsed, parsing.state, chunks, parsing.is_new))
        finally:
            parsing.item.done()

    def _read(self, parsing: _Parsing, max_bytes: int) -> tuple[ParsedDocument, list[NewChunk]]:
        path, item = parsing.path, parsing.item
        try:
            if parsing.result is not None:
                parsed = parsing.result.result()
            else:
                parsed = load(path, max_bytes=max_bytes)
                check_text(item.source, parsed)
            if item.name:
                parsed = own_title(parsed, path, item.name)
            if item.metadata:
                parsed = replace(parsed, metadata={**parsed.metadata, **item.metadata})
            check_name(item.source)
            return parsed, prepare(parsed, self.chunker)
        except (RagbotError, OSError):
            raise
        except Exception as error:  # a parser's defect, met in one file, must not lose the others
            log.exception("%s: unexpected error in its loader", item.source)
            words = " ".join(f"{type(error).__name__}: {error}".split())[:300].encode("utf-8", "replace").decode()
            raise LoaderError(f"unexpected error in its loader: {words}") from error

    def take(self, source: str, parsed: ParsedDocument) -> None:
        digest = hashlib.blake2b(repr(parsed).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        state = FileState(digest + self._signature, len(parsed.text))
        try:
            check_text(source, parsed)
        except LoaderError as error:
            self._fail(source, str(error), state.size)
            return
        known = self.catalog.file_state(source)
        if known and known.content_hash == state.content_hash:
            self._unchanged(source, state.size)
        else:
            self._queue(_Pending(source, parsed, state, prepare(parsed, self.chunker), known is None))

    def finish(self) -> IngestReport:
        self._flush()
        return IngestReport(
            added=tuple(self._added),
            updated=tuple(self._updated),
            skipped=tuple(self._skipped),
            failed=tuple(self._failed),
            chunks=self._chunks,
            embedded=self._embedded,
            characters=self._characters,
            seconds=time.perf_counter() - self._started,
        )

    @property
    def _signature(self) -> str:
        return f"/{LOADERS_VERSION}.{PREFIX_VERSION}/{self.chunker.signature}"

    def _queue(self, document: _Pending) -> None:
        self._pending.append(document)
        wanted = {chunk.embedded_hash: chunk for chunk in document.chunks if chunk.embedded_hash not in self._known}
        self._known.update(self.catalog.embeddings_of(wanted))
        for digest, chunk in wanted.items():
            if digest not in self._known:
                self._texts[digest] = embedded_text(chunk.prefix, document.parsed.text[chunk.start : chunk.end])
        if len(self._texts) >= BATCH or len(self._pending) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._texts:
            vectors = self.embedder.encode_documents(list(self._texts.values()), self._embedding)
            self._known.update(zip(self._texts, vectors, strict=True))
            self._embedded += len(self._texts)
        for document in self._pending:
            rows = [self._known[chunk.embedded_hash] for chunk in document.chunks]
            matrix = np.stack(rows) if rows else np.empty((0, self.embedder.fingerprint.dimension), np.float32)
            self.catalog.put_document(
                document.source, document.parsed, document.state, document.chunks, matrix, self.acl
            )
            (self._added if document.is_new else self._updated).append(document.source)
            self._chunks += len(document.chunks)
            self._characters += len(document.parsed.text)
            self._advance(document.source, document.state.size, worked=True)
        self._pending.clear()
        self._texts.clear()
        self._in_batch = 0
        self._known.clear()

    def _embedding(self, texts: int) -> None:
        """Move the bar while a batch is embedded: its documents are that much nearer to their commit."""
        self._in_batch += texts
        waiting = sum(document.state.size for document in self._pending) * self._in_batch // len(self._texts)
        self._show(self._pending[0].source, waiting)

    def _unchanged(self, source: str, size: int) -> None:
        """The contents are the same; who may see them can be new."""
        changed = self.acl is not None and self.catalog.set_acl(source, self.acl)
        (self._updated if changed else self._skipped).append(source)
        self._advance(source, size)

    def _fail(self, source: str, reason: str, size: int) -> None:
        source = source.encode("utf-8", "replace").decode()  # so that every reader of the report can print it
        log.info("%s: %s", source, reason)
        self._failed.append(FailedSource(source, reason))
        self._advance(source, size)

    def _advance(self, source: str, size: int, worked: bool = False) -> None:
        self._files += 1
        self._bytes += size
        self._worked += size if worked else 0
        self._show(source)

    def _show(self, source: str, waiting: int = 0) -> None:
        """Report progress; ``waiting`` bytes are embedded and not committed yet."""
        if self.progress:
            # A batch counts as it is embedded; then its documents are committed one by one, and nothing goes back.
            done = self._shown_bytes = max(self._shown_bytes, self._bytes + waiting)
            worked = self._shown_worked = max(self._shown_worked, self._worked + waiting)
            self.progress(Progress(self._files, self.total_files, done, self.total_bytes, self._chunks, source, worked))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

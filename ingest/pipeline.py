"""Ingest: read, cut, embed what is new, commit document by document, and report.

A document that was committed is acknowledged: it survives a kill at any instant. The run can be stopped and started
again; files whose contents have not changed are skipped, and text that is embedded already is not embedded again.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ingest.archives.unchanged import KnownArchives
from ingest.checks import size_of
from ingest.chunkers.base import Chunker
from ingest.contextual import ContextWriter
from ingest.loaders import SUPPORTED_SUFFIXES
from ingest.origins import Origins
from ingest.parsing import Limits, ParserPool
from ingest.progress import Meter, Progress, ProgressCallback
from ingest.readers import check_readers
from ingest.reading import Reader
from ingest.run import LOADERS_VERSION, Run
from ingest.sources import Found, find, vanished
from ingest.web.address import is_url
from ragbot.documents import IngestReport, ParsedDocument
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.index.labels import Labels
from ragbot.models.embedders.base import Embedder
from ragbot.sections.ingest import ContextName

__all__ = ["BATCH", "LOADERS_VERSION", "MAX_BYTES", "Progress", "ProgressCallback", "ingest", "ingest_documents"]

#: Texts to be embedded are gathered over documents up to this many, so that small files fill the cores too.
BATCH = 256
MAX_BYTES = 256 * 1024 * 1024


def ingest(
    kb: KnowledgeBase,
    embedder: Embedder,
    chunker: Chunker,
    paths: Iterable[str | os.PathLike[str]],
    *,
    acl: Sequence[str] | None = None,
    context: ContextName = "title",
    writer: ContextWriter | None = None,
    max_bytes: int = MAX_BYTES,
    parsers: int = 0,
    limits: Limits | None = None,
    sync: bool = False,
    images: bool = False,
    readers: Mapping[str, str] | None = None,
    only: Collection[Path] | None = None,
    labels: Labels | None = None,
    user_agent: str = "ragbot",
    allow_private: bool = False,
    progress: ProgressCallback | None = None,
) -> IngestReport:
    """Bring files, folders, archives and pages of the web into a knowledge base.

    Args:
        paths: files, folders, and URLs as strings. The members of an archive are documents of their own.
        acl: principals that may see the documents, empty for everyone; None keeps what an old one had (a new one:
            everyone).
        context: what is embedded in front of a chunk: its document's title and its headings, nothing, or these and a
            line that a chat model writes; see :mod:`ingest.contextual`.
        writer: asks that chat model.
        max_bytes: larger files are refused.
        parsers: processes that parse; 0 for one a core.
        limits: what parsing one file may cost.
        sync: also remove the documents whose files have vanished from the folders among ``paths``, and the members
            that have vanished from an archive.
        images: also read the pictures in folders; one that is named itself is read in any case.
        readers: classes, as ``module:class``, that read the files of a suffix (see :mod:`ingest.readers`).
        only: of what is found, read these files (absolute paths) and what lies in these folders; None for all.
        labels: tags and a collection for the documents; what is None keeps what an old one had.
        user_agent: what servers are told when a page is fetched.
        allow_private: whether a URL may name a host in a private network.
        progress: called after each file.

    Raises:
        SourceError: a path does not exist, or there is nothing to read.
        UserError: a reader is not installed.
        LockedError: another process is writing.
        StorageError: the disk is full; what was committed stays.
    """
    named = list(paths)
    urls = [path for path in named if isinstance(path, str) and is_url(path)]
    files = [path for path in named if not (isinstance(path, str) and is_url(path))]
    readers = readers or {}
    suffixes = SUPPORTED_SUFFIXES | readers.keys()
    found = find(files, images, suffixes) if files or not urls else Found([], [], [], [])
    if only is not None:
        found = found.within(only)
    check_readers(readers, found.files)
    workers = parsers or _cores()
    with kb.writing() as catalog, ParserPool(workers, limits or Limits()) as pool:
        meter = Meter(progress, len(found.files) + len(urls), sum(map(size_of, found.files)))
        run = Run(kb, embedder, chunker, acl, meter, BATCH, context, writer, labels or Labels())
        made = (run.signature, str(max_bytes), *sorted(suffixes), *(f"{key}={readers[key]}" for key in sorted(readers)))
        archives = KnownArchives(catalog, made, again=acl is not None or run.labels.given)
        signatures = (run.signature, *(f"{run.signature}/{reader}" for reader in readers.values()))

        def known(source: str) -> Mapping[str, str] | None:
            # A page that has to be made into something else is asked for whole: 304 would bring no text to do it with.
            state = catalog.file_state(source)
            return catalog.metadata_of(source) if state and state.content_hash.endswith(signatures) else None

        with Origins(max_bytes, user_agent, allow_private, known, archives, suffixes) as origins:
            try:
                Reader(run, pool, max_bytes, workers, readers).take(origins.items(found.files, urls))
                report = run.finish()
            except KeyboardInterrupt:
                archives.note(origins.inside, run.taken)
                raise
        if sync:
            sources = [document.source for document in catalog.documents()]
            gone = vanished(sources, found.folders, origins.inside)
            report = replace(report, removed=tuple(source for source in gone if catalog.remove_document(source)))
        archives.note(origins.inside, run.taken)
    return replace(
        report,
        ignored=tuple(_printable(str(source)) for source in (*found.ignored, *origins.ignored)),
        failed=(
            *(replace(failure, source=_printable(failure.source)) for failure in (*found.failed, *origins.failed)),
            *report.failed,
        ),
    )


def ingest_documents(
    kb: KnowledgeBase,
    embedder: Embedder,
    chunker: Chunker,
    documents: Mapping[str, ParsedDocument],
    *,
    acl: Sequence[str] | None = None,
    context: ContextName = "title",
    writer: ContextWriter | None = None,
    labels: Labels | None = None,
    progress: ProgressCallback | None = None,
) -> IngestReport:
    """Bring documents that are in memory into a knowledge base, by source name. Raises as :func:`ingest`."""
    with kb.writing():
        meter = Meter(progress, len(documents), sum(len(document.text) for document in documents.values()))
        run = Run(kb, embedder, chunker, acl, meter, BATCH, context, writer, labels or Labels())
        for source, document in documents.items():
            run.take(source, document)
        return run.finish()


def _printable(source: str) -> str:
    # A name that is not UTF-8: not every reader of the report could write it.
    return source.encode("utf-8", "replace").decode()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

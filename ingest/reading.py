"""Files to documents: which of them are new or changed, and what is read of these, ahead of its turn."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.checks import check_file, check_name, check_text, hash_file
from ingest.loaders import load
from ingest.origins import Item
from ingest.parsing import ParserPool
from ingest.run import Pending, Run
from ingest.temporary import own_title, own_words
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError, RagbotError
from ragbot.index.records import FileState, NewChunk

log = logging.getLogger(__name__)

#: Read here rather than in a process of their own: loaders of ours, in time that grows with the length alone.
INLINE = frozenset({".md", ".markdown", ".txt", ".text", ".log"})
INLINE_BYTES = 1 << 20
#: Files that are parsed ahead of the one whose turn it is, for each process, and their bytes in all.
AHEAD = 4
AHEAD_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class _Parsing:
    """A file that is new or changed; ``result`` is None where it is read in this process when its turn comes."""

    item: Item
    path: Path
    state: FileState
    is_new: bool
    result: Future[ParsedDocument] | None


class Reader:
    """Hands the files of a run to it: they are parsed ahead while others are embedded, and stored in their order.

    Args:
        max_bytes: larger files are refused.
        pool: the processes that parse.
        workers: how many they are.
        readers: by suffix, see :mod:`ingest.readers`; other files are read by our loaders.
    """

    def __init__(
        self, run: Run, pool: ParserPool, max_bytes: int, workers: int, readers: Mapping[str, str] | None = None
    ) -> None:
        self._run = run
        self._pool = pool
        self._max_bytes = max_bytes
        self._ahead = AHEAD * workers
        self._readers = readers or {}

    def take(self, items: Iterable[Item]) -> None:
        """Read what is new or changed; a file that cannot be read is a line in the report."""
        waiting: deque[_Parsing] = deque()
        waiting_bytes = 0
        for item in items:
            parsing = self._examine(item)
            if parsing is None:
                item.done()
                continue
            waiting.append(parsing)
            waiting_bytes += parsing.state.size
            # Bounded, so that memory does not grow with the number of files.
            while len(waiting) > self._ahead or (waiting_bytes > AHEAD_BYTES and len(waiting) > 1):
                waiting_bytes -= waiting[0].state.size
                self._take_parsed(waiting.popleft())
        while waiting:
            self._take_parsed(waiting.popleft())

    def _examine(self, item: Item) -> _Parsing | None:
        """Have a file parsed if it is new or changed; None if there is nothing to do for it."""
        run, path, source = self._run, item.path, item.source
        if path is None:
            run.unchanged(source, 0)
            return None
        reader = self._readers.get(path.suffix.lower())
        signature = f"{run.signature}/{reader}" if reader else run.signature
        size = 0
        try:
            status = path.stat()
            size = status.st_size
            check_file(path, status, self._max_bytes)
            known = run.kb.catalog.file_state(source)
            # A private copy is always new; what it holds may not be.
            changed = 0 if item.name else status.st_mtime_ns
            if known and not item.name and (known.size, known.mtime_ns) == (size, changed):
                if known.content_hash.endswith(signature):
                    run.unchanged(source, size)
                    return None
            state = FileState(hash_file(path) + signature, size, changed)
            if known and known.content_hash == state.content_hash:
                if not item.name:
                    run.kb.catalog.touch(source, state)
                run.unchanged(source, size)
                return None
        except LoaderError as error:
            run.fail(source, str(own_words(error, path, item.name) if item.name else error), size)
            return None
        except OSError as error:
            run.fail(source, f"cannot be read: {error.strerror or error}", size)
            return None
        if not reader and path.suffix.lower() in INLINE and size <= INLINE_BYTES:
            return _Parsing(item, path, state, known is None, None)
        return _Parsing(item, path, state, known is None, self._pool.submit(path, self._max_bytes, reader))

    def _take_parsed(self, parsing: _Parsing) -> None:
        run, source = self._run, parsing.item.source
        try:
            parsed, chunks = self._read(parsing)
        except LoaderError as error:
            name = parsing.item.name
            run.fail(source, str(own_words(error, parsing.path, name) if name else error), parsing.state.size)
        except OSError as error:
            run.fail(source, f"cannot be read: {error.strerror or error}", parsing.state.size)
        else:
            run.queue(Pending(source, parsed, parsing.state, chunks, parsing.is_new))
        finally:
            parsing.item.done()

    def _read(self, parsing: _Parsing) -> tuple[ParsedDocument, list[NewChunk]]:
        path, item = parsing.path, parsing.item
        try:
            if parsing.result is not None:
                parsed = parsing.result.result()
            else:
                parsed = load(path, max_bytes=self._max_bytes)
                check_text(item.source, parsed)
            if item.name:
                parsed = own_title(parsed, path, item.name)
            if item.metadata:
                parsed = replace(parsed, metadata={**parsed.metadata, **item.metadata})
            check_name(item.source)
            return parsed, self._run.cut(parsed)
        except (RagbotError, OSError):
            raise
        except Exception as error:  # a parser's defect, met in one file, must not lose the others
            log.exception("%s: unexpected error in its loader", item.source)
            words = " ".join(f"{type(error).__name__}: {error}".split())[:300].encode("utf-8", "replace").decode()
            raise LoaderError(f"unexpected error in its loader: {words}") from error

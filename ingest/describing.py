"""Put the lines of a chat model in front of the chunks of a run, and count those that could not be had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ingest.contextual import ContextWriter
from ingest.prepare import with_line
from ragbot.documents import ParsedDocument
from ragbot.index.contexts import opened_cache
from ragbot.index.records import NewChunk


class Describer:
    """Lines for the documents of one run; what was written before is not asked for again.

    Args:
        folder: of the knowledge base: the lines are kept there.
    """

    def __init__(self, folder: Path, writer: ContextWriter) -> None:
        self._folder = folder
        self._writer = writer
        #: Lines that the model wrote in this run, and chunks whose line it failed to write.
        self.written = 0
        self.failed = 0

    def describe(
        self, source: str, document: ParsedDocument, chunks: list[NewChunk], progress: Callable[[int, int], None]
    ) -> tuple[list[NewChunk], bool]:
        """The chunks with their lines, and whether each could be written; one that could not keeps its title.

        Args:
            progress: called with the number of chunks that have been asked about, and of all of them.

        Raises:
            StorageError: the lines cannot be kept.
            ModelNotFoundError: the model cannot be had.
        """
        requests = self._writer.requests(document, chunks)
        with opened_cache(self._folder) as cache:
            lines: dict[bytes, str | None] = {**cache.begin(source, [request.key for request in requests])}
            missing = {request.key: request for request in requests if request.key not in lines}
            for done, (key, line) in enumerate(self._writer.write(list(missing.values())), 1):
                lines[key] = line
                if line is not None:
                    cache.add(source, key, line)
                    self.written += 1
                progress(done, len(missing))
        described = [
            with_line(chunk, lines[request.key] or "", document)
            for chunk, request in zip(chunks, requests, strict=True)
        ]
        failed = sum(lines[request.key] is None for request in requests)
        self.failed += failed
        return described, not failed

"""Tables: whole rows, as many as fit; a row that is too long is cut between its cells."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.chunkers.base import Span, TokenCounter
from ingest.chunkers.cutting import Cutter, Sizes, lines, trimmed
from ingest.chunkers.sections import sections, with_heading
from ragbot.documents import ParsedDocument

#: Between the cells of a row, as the loaders of tables write it, and as Markdown does.
_CELL_END = re.compile(r" · |\||\t")


class RowsChunker:
    """A line is a row, whether blank lines stand between them or not. A chunk never reaches over a heading (a range).

    Args:
        count_tokens: the embedder's own count.
        chunk_tokens: the largest chunk, in tokens.
        chunk_tokens_zh: the same for documents in Chinese, Japanese or Korean; default: no difference.
    """

    def __init__(self, count_tokens: TokenCounter, chunk_tokens: int, chunk_tokens_zh: int | None = None) -> None:
        self._sizes = Sizes(chunk_tokens, chunk_tokens_zh)
        self._cutter = Cutter(count_tokens, lines, _cells)

    @property
    def signature(self) -> str:
        """See :class:`ingest.chunkers.base.Chunker`."""
        return f"rows-2:{self._sizes}"

    def split(self, document: ParsedDocument) -> list[Span]:
        """See :class:`ingest.chunkers.base.Chunker`."""
        text, size = document.text, self._sizes.of(document)
        chunks: list[Span] = []
        for section in sections(document):
            rows = with_heading(section, lines(text, section.start, section.end))
            chunks.extend(self._cutter.pack(text, rows, size))
        return chunks


def _cells(text: str, start: int, end: int) -> Iterator[Span]:
    for mark in _CELL_END.finditer(text, start, end):
        yield from trimmed(text, start, mark.end())
        start = mark.end()
    yield from trimmed(text, start, end)

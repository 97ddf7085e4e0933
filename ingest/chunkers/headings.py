"""Cut at headings; small sections that are neighbours under one heading share a chunk."""

from __future__ import annotations

from itertools import groupby

from ingest.chunkers.base import Span, TokenCounter
from ingest.chunkers.cutting import Cutter, Sizes, lines, paragraphs, sentences, trimmed
from ingest.chunkers.sections import sections
from ragbot.documents import ParsedDocument


class HeadingsChunker:
    """Whole sections: for manuals and notes with many short ones. A longer one is cut at paragraphs, then sentences.

    A chunk never holds a part of one section with another, nor sections of two parents.

    Args:
        count_tokens: the embedder's own count.
        chunk_tokens: the largest chunk, in tokens.
        chunk_tokens_zh: the same for documents in Chinese, Japanese or Korean; default: no difference.
    """

    def __init__(self, count_tokens: TokenCounter, chunk_tokens: int, chunk_tokens_zh: int | None = None) -> None:
        self._sizes = Sizes(chunk_tokens, chunk_tokens_zh)
        self._cutter = Cutter(count_tokens, paragraphs, sentences, lines)

    @property
    def signature(self) -> str:
        """See :class:`ingest.chunkers.base.Chunker`."""
        return f"headings-2:{self._sizes}"

    def split(self, document: ParsedDocument) -> list[Span]:
        """See :class:`ingest.chunkers.base.Chunker`."""
        text, size = document.text, self._sizes.of(document)
        chunks: list[Span] = []
        for _, siblings in groupby(sections(document), lambda section: section.parent):
            parts = (span for section in siblings for span in trimmed(text, section.start, section.end))
            chunks.extend(self._cutter.pack(text, parts, size))
        return chunks

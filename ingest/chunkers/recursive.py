"""Cut at headings, then paragraphs, then sentence ends, then clauses: the coarsest that fits the size in tokens.

LangChain's RecursiveCharacterTextSplitter knows no Chinese stop (it cuts such text after so many characters), and
LlamaIndex's SentenceSplitter finds its offsets by searching for the text, wrongly where it repeats: neither is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.chunkers.base import Span, TokenCounter
from ingest.chunkers.cutting import (
    CHARACTERS_PER_TOKEN,
    FULL_ENOUGH,
    Sizes,
    clauses,
    halves,
    is_anchor_among_equals,
    lines,
    sentences,
)
from ingest.chunkers.sections import sections
from ragbot.documents import ParsedDocument

_PARAGRAPH_GAP = re.compile(r"\n[ \t]*\n")


class RecursiveChunker:
    """Respects headings and sentence ends, in Chinese and English.

    A chunk never reaches over a heading, so that an edit in one section leaves the chunks of the others as they are.

    Args:
        count_tokens: the embedder's own count.
        chunk_tokens: the largest chunk, in tokens.
        chunk_tokens_zh: the same for documents in Chinese, Japanese or Korean; default: no difference.
    """

    def __init__(self, count_tokens: TokenCounter, chunk_tokens: int, chunk_tokens_zh: int | None = None) -> None:
        self._count_tokens = count_tokens
        self._sizes = Sizes(chunk_tokens, chunk_tokens_zh)

    @property
    def signature(self) -> str:
        """See :class:`ingest.chunkers.base.Chunker`."""
        return f"recursive-2:{self._sizes}"

    def split(self, document: ParsedDocument) -> list[Span]:
        """See :class:`ingest.chunkers.base.Chunker`."""
        chunks: list[Span] = []
        size = self._sizes.of(document)
        for section in sections(document):
            pieces = list(_pieces(document.text, section.start, section.end, size * CHARACTERS_PER_TOKEN))
            chunks.extend(self._pack(document.text, pieces, size, section.body))
        return chunks

    def _pack(self, text: str, pieces: list[Span], size: int, body: int) -> Iterator[Span]:
        """Join whole paragraphs while they fit, else sentences, else parts of a sentence; headings end at ``body``."""
        sizes = self._count_tokens([text[begin:stop] for begin, stop in pieces]) if pieces else []
        current: Span | None = None
        tokens = before = 0
        last = (0, 0)
        fits = sum(sizes) <= size

        def ready() -> bool:
            return not fits and current is not None and current[1] > body and tokens >= size / FULL_ENOUGH

        for paragraph in _paragraphs(text, pieces):
            total = sum(sizes[i] for i in paragraph)
            span = (pieces[paragraph[0]][0], pieces[paragraph[-1]][1])
            anchor = ready() and is_anchor_among_equals(text, (span, total), (last, before))
            last, before = span, total
            if current and tokens + total <= size and not anchor:
                current, tokens = (current[0], span[1]), tokens + total
                continue
            if current:
                yield current
            current, tokens = None, 0
            if total <= size:
                current, tokens = span, total
                continue
            for i in paragraph:
                anchor = ready() and is_anchor_among_equals(text, (pieces[i], sizes[i]), (pieces[i - 1], sizes[i - 1]))
                if current and (tokens + sizes[i] > size or anchor):
                    yield current
                    current, tokens = None, 0
                if sizes[i] > size:
                    yield from halves(text, pieces[i], size, self._count_tokens)
                    continue
                current = (current[0] if current else pieces[i][0], pieces[i][1])
                tokens += sizes[i]
        if current:
            yield current


def _pieces(text: str, start: int, end: int, limit: int) -> Iterator[Span]:
    """Sentences; one that is too long is taken apart by lines, and these at clauses."""
    for begin, stop in sentences(text, start, end):
        if stop - begin <= limit:
            yield begin, stop
            continue
        for line in lines(text, begin, stop):
            yield from clauses(text, *line, limit)


def _paragraphs(text: str, pieces: list[Span]) -> Iterator[list[int]]:
    group: list[int] = []
    for i, (begin, _) in enumerate(pieces):
        if group and _PARAGRAPH_GAP.search(text, pieces[i - 1][1], begin):
            yield group
            group = []
        group.append(i)
    if group:
        yield group

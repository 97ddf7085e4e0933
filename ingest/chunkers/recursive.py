"""Cut at headings, then paragraphs, then sentence ends, then clauses: the coarsest that fits the size in tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.chunkers.base import Span, TokenCounter
from ragbot.documents import ParsedDocument
from ragbot.text import sentence_spans

#: Where a sentence that is too long may be cut, from the best place to the worst.
_CLAUSE_ENDS = re.compile(r"[；;：:]|[，,、]|\s")
#: No tokenizer is handed a piece longer than this many characters for each token of a chunk.
_CHARACTERS_PER_TOKEN = 6
#: A heading's line, with the rule under it that makes a line a heading in Markdown (setext).
_HEADING = re.compile(r"[^\n]*(?:\n[ ]{0,3}(?:=+|-+)[ \t]*(?=\n|\Z))?")
_EAST_ASIAN = frozenset({"zh", "ja", "ko"})
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
        self._chunk_tokens = chunk_tokens
        self._chunk_tokens_zh = chunk_tokens_zh or chunk_tokens

    @property
    def signature(self) -> str:
        """See :class:`ingest.chunkers.base.Chunker`."""
        return f"recursive-1:{self._chunk_tokens}:{self._chunk_tokens_zh}"

    def split(self, document: ParsedDocument) -> list[Span]:
        """See :class:`ingest.chunkers.base.Chunker`."""
        chunks: list[Span] = []
        size = self._chunk_tokens_zh if document.language in _EAST_ASIAN else self._chunk_tokens
        for start, end in _sections(document):
            pieces = list(_pieces(document.text, start, end, size * _CHARACTERS_PER_TOKEN))
            chunks.extend(self._pack(document.text, pieces, size))
        return chunks

    def _pack(self, text: str, pieces: list[Span], size: int) -> Iterator[Span]:
        """Join whole paragraphs while they fit, else sentences, else parts of a sentence."""
        sizes = self._count_tokens([text[begin:stop] for begin, stop in pieces]) if pieces else []
        current: Span | None = None
        tokens = 0
        for paragraph in _paragraphs(text, pieces):
            total = sum(sizes[i] for i in paragraph)
            span = (pieces[paragraph[0]][0], pieces[paragraph[-1]][1])
            if current and tokens + total <= size:
                current, tokens = (current[0], span[1]), tokens + total
                continue
            if current:
                yield current
            current, tokens = None, 0
            if total <= size:
                current, tokens = span, total
                continue
            for i in paragraph:
                if current and tokens + sizes[i] > size:
                    yield current
                    current, tokens = None, 0
                if sizes[i] > size:
                    yield from self._halves(text, pieces[i], size)
                    continue
                current = (current[0] if current else pieces[i][0], pieces[i][1])
                tokens += sizes[i]
        if current:
            yield current

    def _halves(self, text: str, span: Span, size: int) -> Iterator[Span]:
        """A sentence that is too long, cut near its middle until the parts fit."""
        begin, stop = span
        if stop - begin < 2 or self._count_tokens([text[begin:stop]])[0] <= size:
            yield span
            return
        cut = _cut(text, begin, begin + (stop - begin + 1) // 2)
        after = cut
        while after < stop and text[after].isspace():
            after += 1
        before = cut
        while before > begin and text[before - 1].isspace():
            before -= 1
        yield from self._halves(text, (begin, before), size)
        if after < stop:
            yield from self._halves(text, (after, stop), size)


def _pieces(text: str, start: int, end: int, limit: int) -> Iterator[Span]:
    """Sentences; what is longer than ``limit`` characters is cut at clauses before a tokenizer sees it."""
    for begin, stop in sentence_spans(text, start, end):
        while stop - begin > limit:
            cut = _cut(text, begin, begin + limit)
            yield begin, begin + len(text[begin:cut].rstrip())
            begin = cut
            while begin < stop and text[begin].isspace():
                begin += 1
        if begin < stop:
            yield begin, stop


def _cut(text: str, begin: int, limit: int) -> int:
    """The last clause end in the second half of ``text[begin:limit]``, or ``limit``."""
    middle = begin + (limit - begin) // 2
    ends = [match.end() for match in _CLAUSE_ENDS.finditer(text, middle, limit)]
    return ends[-1] if ends else limit


def _sections(document: ParsedDocument) -> Iterator[Span]:
    """Spans between headings; a heading with nothing under it goes with the section that follows."""
    text = document.text
    starts = [0]
    body_from = 0
    for heading in document.headings:
        if text[body_from : heading.start].strip():
            starts.append(heading.start)
        line = _HEADING.match(text, heading.start)
        body_from = line.end() if line else heading.start
    yield from zip(starts, [*starts[1:], len(text)], strict=True)


def _paragraphs(text: str, pieces: list[Span]) -> Iterator[list[int]]:
    group: list[int] = []
    for i, (begin, _) in enumerate(pieces):
        if group and _PARAGRAPH_GAP.search(text, pieces[i - 1][1], begin):
            yield group
            group = []
        group.append(i)
    if group:
        yield group

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
_PARAGRAPH_GAP = re.compile(r"\n[ \t]*\n")


class RecursiveChunker:
    """Respects headings and sentence ends, in Chinese and English.

    A chunk never reaches over a heading, so that an edit in one section leaves the chunks of the others as they are.

    Args:
        count_tokens: the embedder's own count.
        chunk_tokens: the largest chunk, in tokens.
    """

    def __init__(self, count_tokens: TokenCounter, chunk_tokens: int) -> None:
        self._count_tokens = count_tokens
        self._chunk_tokens = chunk_tokens

    @property
    def signature(self) -> str:
        """See :class:`ingest.chunkers.base.Chunker`."""
        return f"recursive-1:{self._chunk_tokens}"

    def split(self, document: ParsedDocument) -> list[Span]:
        """See :class:`ingest.chunkers.base.Chunker`."""
        chunks: list[Span] = []
        for start, end in _sections(document):
            chunks.extend(self._pack(document.text, list(self._pieces(document.text, start, end))))
        return chunks

    def _pieces(self, text: str, start: int, end: int) -> Iterator[Span]:
        """Sentences; what is too long for a tokenizer is cut at clauses first."""
        limit = self._chunk_tokens * _CHARACTERS_PER_TOKEN
        for begin, stop in sentence_spans(text, start, end):
            while stop - begin > limit:
                cut = _cut(text, begin, begin + limit)
                yield begin, cut
                begin = cut
                while begin < stop and text[begin].isspace():
                    begin += 1
            if begin < stop:
                yield begin, stop

    def _pack(self, text: str, pieces: list[Span]) -> Iterator[Span]:
        """Join whole paragraphs while they fit, else sentences, else parts of a sentence."""
        sizes = self._count_tokens([text[begin:stop] for begin, stop in pieces]) if pieces else []
        current: Span | None = None
        tokens = 0
        for paragraph in _paragraphs(text, pieces):
            total = sum(sizes[i] for i in paragraph)
            span = (pieces[paragraph[0]][0], pieces[paragraph[-1]][1])
            if current and tokens + total <= self._chunk_tokens:
                current, tokens = (current[0], span[1]), tokens + total
                continue
            if current:
                yield current
            current, tokens = None, 0
            if total <= self._chunk_tokens:
                current, tokens = span, total
                continue
            for i in paragraph:
                if current and tokens + sizes[i] > self._chunk_tokens:
                    yield current
                    current, tokens = None, 0
                if sizes[i] > self._chunk_tokens:
                    yield from self._halves(text, pieces[i])
                    continue
                current = (current[0] if current else pieces[i][0], pieces[i][1])
                tokens += sizes[i]
        if current:
            yield current

    def _halves(self, text: str, span: Span) -> Iterator[Span]:
        """A sentence that is too long, cut near its middle until the parts fit."""
        begin, stop = span
        if stop - begin < 2 or self._count_tokens([text[begin:stop]])[0] <= self._chunk_tokens:
            yield span
            return
        cut = _cut(text, begin, begin + (stop - begin + 1) // 2)
        after = cut
        while after < stop and text[after].isspace():
            after += 1
        before = cut
        while before > begin and text[before - 1].isspace():
            before -= 1
        yield from self._halves(text, (begin, before))
        if after < stop:
            yield from self._halves(text, (after, stop))


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
        line_end = text.find("\n", heading.start)
        body_from = len(text) if line_end < 0 else line_end
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

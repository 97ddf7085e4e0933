"""What the chunkers share: ways to take text apart, and the packing of the parts up to a size in tokens."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from ingest.chunkers.base import Span, TokenCounter
from ragbot.documents import ParsedDocument
from ragbot.text import sentence_spans

#: No tokenizer is handed a piece of a sentence longer than this many characters for each token of a chunk.
CHARACTERS_PER_TOKEN = 6
#: The same for whole parts: code and padded tables have much white space, which costs next to no tokens.
_PART_CHARACTERS_PER_TOKEN = 24

#: Takes ``text[start:end]`` apart: parts that ascend, without white space at their ends, and hold all that is not.
Split = Callable[[str, int, int], Iterable[Span]]

_EAST_ASIAN = frozenset({"zh", "ja", "ko"})
#: Where a sentence that is too long may be cut, from the best place to the worst.
_CLAUSE_ENDS = re.compile(r"[；;：:]|[，,、]|\s")
_PARAGRAPH_GAP = re.compile(r"\n[ \t]*\n")
_LINE = re.compile(r"\S[^\n]*")
#: Parts that are measured at once: enough to keep a tokenizer busy, few enough to hold in memory.
_BATCH = 1024
#: An anchor ends a chunk only if this part of what fits is in it: parts that repeat must not make all chunks tiny.
FULL_ENOUGH = 8
#: One part in so many begins a chunk by what it says, wherever the others were cut.
_ANCHORS = 16
_ANCHOR_CHARACTERS = 480


class Sizes:
    """The largest chunk in tokens; documents in Chinese, Japanese and Korean may have a size of their own."""

    def __init__(self, tokens: int, tokens_zh: int | None = None) -> None:
        self._tokens = tokens
        self._tokens_zh = tokens_zh or tokens

    def of(self, document: ParsedDocument) -> int:
        """The size for this document."""
        return self._tokens_zh if document.language in _EAST_ASIAN else self._tokens

    def __str__(self) -> str:
        return f"{self._tokens}:{self._tokens_zh}"


class Cutter:
    """Makes chunks of parts; a part that is too long is taken apart by the first of ``levels``, and so on.

    What the last level leaves too long is cut at clauses, and then near the middle.
    """

    def __init__(self, count_tokens: TokenCounter, *levels: Split) -> None:
        self._count_tokens = count_tokens
        self._levels = levels

    def pack(self, text: str, parts: Iterable[Span], size: int, level: int = 0) -> Iterator[Span]:
        """Neighbours joined while they fit.

        A few parts begin a chunk by what they say: after an edit the cuts are soon the old ones again, where filling
        up alone would move all that follow.
        """
        current: Span | None = None
        tokens = 0
        before = (0, 0)
        for span, own in self._measured(text, parts, size):
            full = tokens + own > size
            if current and (full or (tokens >= size / FULL_ENOUGH and is_anchor(text, span, before))):
                yield current
                current, tokens = None, 0
            before = span
            if own > size:
                yield from self._finer(text, span, size, level)
                continue
            current, tokens = (current[0] if current else span[0], span[1]), tokens + own
        if current:
            yield current

    def each(self, text: str, parts: Iterable[Span], size: int) -> Iterator[Span]:
        """Each part by itself, taken apart where it is too long."""
        for span, own in self._measured(text, parts, size):
            if own > size:
                yield from self._finer(text, span, size, 0)
            else:
                yield span

    def _finer(self, text: str, span: Span, size: int, level: int) -> Iterator[Span]:
        if level < len(self._levels):
            yield from self.pack(text, self._levels[level](text, *span), size, level + 1)
        elif level == len(self._levels):
            yield from self.pack(text, clauses(text, *span, size * CHARACTERS_PER_TOKEN), size, level + 1)
        else:
            yield from halves(text, span, size, self._count_tokens)

    def _measured(self, text: str, parts: Iterable[Span], size: int) -> Iterator[tuple[Span, int]]:
        """Parts with their tokens; what is too long for a tokenizer counts as more than fits."""
        limit = size * _PART_CHARACTERS_PER_TOKEN
        remaining = iter(parts)
        while batch := list(islice(remaining, _BATCH)):
            short = [text[start:end] for start, end in batch if end - start <= limit]
            counts = iter(self._count_tokens(short) if short else [])
            for start, end in batch:
                yield (start, end), next(counts) if end - start <= limit else size + 1


def paragraphs(text: str, start: int, end: int) -> Iterator[Span]:
    """What stands between blank lines."""
    for gap in _PARAGRAPH_GAP.finditer(text, start, end):
        yield from trimmed(text, start, gap.start())
        start = gap.end()
    yield from trimmed(text, start, end)


def lines(text: str, start: int, end: int) -> Iterator[Span]:
    """Lines with something on them."""
    for match in _LINE.finditer(text, start, end):
        yield match.start(), match.start() + len(match[0].rstrip())


def sentences(text: str, start: int, end: int) -> Iterator[Span]:
    """Sentences; headings, list items and rows of tables are such."""
    for span in sentence_spans(text, start, end):
        yield from trimmed(text, *span)  # a heading right above its text keeps the white space at its end


def clauses(text: str, start: int, end: int, limit: int) -> Iterator[Span]:
    """Sentences; what is longer than ``limit`` characters is cut at clauses before a tokenizer sees it."""
    for begin, stop in sentences(text, start, end):
        while stop - begin > limit:
            at = cut(text, begin, begin + limit)
            yield begin, begin + len(text[begin:at].rstrip())
            begin = at
            while begin < stop and text[begin].isspace():
                begin += 1
        if begin < stop:
            yield begin, stop


def halves(text: str, span: Span, size: int, count_tokens: TokenCounter) -> Iterator[Span]:
    """A sentence of more than ``size`` tokens, cut near its middle until the parts fit."""
    begin, stop = span
    if stop - begin < 2:
        yield span
        return
    at = cut(text, begin, begin + (stop - begin + 1) // 2)
    parts = [inner for part in ((begin, at), (at, stop)) for inner in trimmed(text, *part)]
    for inner, tokens in zip(parts, count_tokens([text[a:b] for a, b in parts]), strict=True):
        if tokens > size:
            yield from halves(text, inner, size, count_tokens)
        else:
            yield inner


def cut(text: str, begin: int, limit: int) -> int:
    """The last clause end in the second half of ``text[begin:limit]``, or ``limit``."""
    middle = begin + (limit - begin) // 2
    ends = [match.end() for match in _CLAUSE_ENDS.finditer(text, middle, limit)]
    return ends[-1] if ends else limit


def trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    """The span without white space at its ends; none where nothing else is in it."""
    inside = text[start:end].strip()
    if inside:
        start = end - len(text[start:end].lstrip())
        yield start, start + len(inside)


def is_anchor(text: str, span: Span, before: Span) -> bool:
    """Whether a part begins a chunk by what it says, and not just as the part ``before`` it.

    Much of it is looked at: rows of a table and lines of a log begin alike, and all of them would be anchors, or none.
    """
    start, end = span
    says = text[start : min(end, start + _ANCHOR_CHARACTERS)]
    if zlib.crc32(says.encode("utf-8", "surrogatepass")) % _ANCHORS:
        return False
    return says != text[before[0] : min(before[1], before[0] + _ANCHOR_CHARACTERS)]


def is_anchor_among_equals(text: str, part: tuple[Span, int], before: tuple[Span, int]) -> bool:
    """The same for parts of about one size (rows, lines), given with their tokens; others are never anchors.

    For chunkers that fill up: among equals they would never find back to the old cuts after an edit. Where sizes
    differ they soon do by themselves, and their chunks stay as full as they can be.
    """
    alike = 4 * abs(part[1] - before[1]) <= max(before[1], 4)
    return alike and is_anchor(text, part[0], before[0])

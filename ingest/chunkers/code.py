"""Source code by its definitions: each function or class a chunk; one that is too long is cut at what is inside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ingest.chunkers.base import Span, TokenCounter
from ingest.chunkers.cutting import Cutter, Sizes, lines, paragraphs, trimmed
from ragbot.documents import Heading, ParsedDocument

#: A line above a definition that belongs to it: a comment, a decorator, an attribute.
_BELONGS_BELOW = re.compile(r"[ \t]*(?:#|//|/?\*|--|;|@|\[)")


class CodeChunker:
    """The headings of a document of code are its definitions. A chunk begins at one that has a blank line above it.

    A class that is too long is cut at its methods, then at blank lines, then at lines; small methods share a chunk.
    Any other document is cut at its headings and blank lines likewise.

    Args:
        count_tokens: the embedder's own count.
        chunk_tokens: the largest chunk, in tokens.
        chunk_tokens_zh: the same for documents in Chinese, Japanese or Korean; default: no difference.
    """

    def __init__(self, count_tokens: TokenCounter, chunk_tokens: int, chunk_tokens_zh: int | None = None) -> None:
        self._sizes = Sizes(chunk_tokens, chunk_tokens_zh)
        self._count_tokens = count_tokens

    @property
    def signature(self) -> str:
        """See :class:`ingest.chunkers.base.Chunker`."""
        return f"code-2:{self._sizes}"

    def split(self, document: ParsedDocument) -> list[Span]:
        """See :class:`ingest.chunkers.base.Chunker`."""
        text = document.text
        top = min((heading.level for heading in document.headings), default=1)
        outer = _beginnings(text, [heading for heading in document.headings if heading.level == top])
        inner = _beginnings(text, document.headings)
        at = 0

        def definitions(text: str, start: int, end: int) -> Iterator[Span]:
            # Called for stretches that ascend, so one walk over the beginnings does for all.
            nonlocal at
            while at < len(inner) and inner[at] <= start:
                at += 1
            while at < len(inner) and inner[at] < end:
                yield from trimmed(text, start, inner[at])
                start = inner[at]
                at += 1
            yield from trimmed(text, start, end)

        cutter = Cutter(self._count_tokens, definitions, paragraphs, lines)
        bounds = [0, *outer, len(text)]
        parts = (span for i in range(len(bounds) - 1) for span in trimmed(text, bounds[i], bounds[i + 1]))
        return list(cutter.each(text, parts, self._sizes.of(document)))


def _beginnings(text: str, headings: Sequence[Heading]) -> list[int]:
    """Where definitions begin, with the comments right above them; those without a blank line above are left out."""
    found: list[int] = []
    floor = 0
    for heading in headings:
        begin = text.rfind("\n", floor, heading.start) + 1 or floor
        while begin > floor:
            above = text.rfind("\n", floor, begin - 1) + 1 or floor
            line = text[above : begin - 1]
            if not line.strip():
                found.append(begin)
                break
            if not _BELONGS_BELOW.match(line):
                break
            begin = above
        floor = max(floor, heading.start)
    return found

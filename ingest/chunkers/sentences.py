"""A few sentences a chunk: for short facts, where a search should hit the very sentence.

LlamaIndex's SentenceWindowNodeParser takes a Chinese paragraph for a single sentence, which is why it is not used.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.chunkers.base import Span, TokenCounter
from ingest.chunkers.cutting import Cutter, Sizes, is_anchor, lines, paragraphs, sentences
from ingest.chunkers.sections import Section, sections, with_heading
from ragbot.documents import ParsedDocument


class SentencesChunker:
    """Windows of sentences that do not overlap; what stands around a hit is joined to it when it is read.

    Each paragraph begins a window, so that an edit changes the chunks of its own paragraph alone (and of a long one
    those that are near, as with :meth:`ingest.chunkers.cutting.Cutter.pack`).

    Args:
        count_tokens: the embedder's own count.
        chunk_tokens: the largest chunk, in tokens.
        chunk_tokens_zh: the same for documents in Chinese, Japanese or Korean; default: no difference.
        window: sentences of a chunk.
    """

    def __init__(
        self, count_tokens: TokenCounter, chunk_tokens: int, chunk_tokens_zh: int | None = None, window: int = 3
    ) -> None:
        self._sizes = Sizes(chunk_tokens, chunk_tokens_zh)
        self._window = window
        self._cutter = Cutter(count_tokens, sentences, lines)

    @property
    def signature(self) -> str:
        """See :class:`ingest.chunkers.base.Chunker`."""
        return f"sentences-2:{self._sizes}:{self._window}"

    def split(self, document: ParsedDocument) -> list[Span]:
        """See :class:`ingest.chunkers.base.Chunker`."""
        text = document.text
        windows = (span for section in sections(document) for span in self._windows(text, section))
        return list(self._cutter.each(text, windows, self._sizes.of(document)))

    def _windows(self, text: str, section: Section) -> Iterator[Span]:
        for start, end in with_heading(section, paragraphs(text, section.start, section.end)):
            number, last = 0, start
            before = (0, 0)
            for begin, stop in sentences(text, start, end):
                if number == self._window or (number and is_anchor(text, (begin, stop), before)):
                    yield start, last
                    number, start = 0, begin
                number += stop > section.body  # a heading is no sentence
                last = stop
                before = (begin, stop)
            yield start, last

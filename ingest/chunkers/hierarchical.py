"""Small chunks in larger parents: the small ones are found and cited, a parent is read where many of its own are found.

LlamaIndex's HierarchicalNodeParser counts with another tokenizer than the embedder's (a Han character is one or two of
its tokens), lets siblings overlap, and finds offsets by searching for the text, wrongly where it repeats: it is not used.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.chunkers.base import Span, TokenCounter
from ingest.chunkers.cutting import Cutter, Sizes, Split, lines, paragraphs, sentences, trimmed
from ingest.chunkers.sections import Section, sections, with_heading
from ragbot.documents import ParsedDocument

#: The largest parent, in chunks of the largest size.
FACTOR = 4


class HierarchicalChunker:
    """A parent is a section, or a run of paragraphs of one that is too long; chunks are cut inside of parents.

    What a search does with parents stands in :func:`ragbot.retrieval.expand.expand` (auto-merging).

    Args:
        count_tokens: the embedder's own count.
        chunk_tokens: the largest chunk, in tokens.
        chunk_tokens_zh: the same for documents in Chinese, Japanese or Korean; default: no difference.
        factor: how many chunks of the largest size a parent may hold.
    """

    def __init__(
        self, count_tokens: TokenCounter, chunk_tokens: int, chunk_tokens_zh: int | None = None, factor: int = FACTOR
    ) -> None:
        self._sizes = Sizes(chunk_tokens, chunk_tokens_zh)
        self._factor = factor
        self._count_tokens = count_tokens

    @property
    def signature(self) -> str:
        """See :class:`ingest.chunkers.base.Chunker`."""
        return f"hierarchical-1:{self._sizes}:{self._factor}"

    def split(self, document: ParsedDocument) -> list[Span]:
        """See :class:`ingest.chunkers.base.Chunker`."""
        return [span for span, _ in self.split_with_parents(document)]

    def split_with_parents(self, document: ParsedDocument) -> list[tuple[Span, Span | None]]:
        """See :class:`ingest.chunkers.base.ParentChunker`."""
        text, size = document.text, self._sizes.of(document)
        return [
            (child, parent)
            for section in sections(document)
            for span in trimmed(text, section.start, section.end)
            for parent in self._cut(text, span, section, size * self._factor)
            for child in self._cut(text, parent, section, size)
        ]

    def _cut(self, text: str, span: Span, section: Section, size: int) -> Iterator[Span]:
        """The whole span if it fits, else runs of its paragraphs, or sentences; the section's headings go with the first."""

        def below(split: Split) -> Split:
            return lambda text, start, end: with_heading(section, split(text, start, end))

        return Cutter(self._count_tokens, below(paragraphs), below(sentences), lines).each(text, [span], size)

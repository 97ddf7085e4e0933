"""The contract of a chunker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from ragbot.documents import ParsedDocument

#: Offsets of a chunk in the document's text, half open.
Span = tuple[int, int]
TokenCounter = Callable[[Sequence[str]], list[int]]


class Chunker(Protocol):
    """Cuts a document into spans that ascend and do not overlap; white space at their ends is left out."""

    @property
    def signature(self) -> str:
        """Names the strategy and its settings: documents are cut again when it changes."""

    def split(self, document: ParsedDocument) -> list[Span]:
        """The spans of the chunks. Every character that is not white space lies in one of them."""


@runtime_checkable
class ParentChunker(Chunker, Protocol):
    """A chunker whose chunks may have parents: larger spans that a hit can be read as."""

    def split_with_parents(self, document: ParsedDocument) -> list[tuple[Span, Span | None]]:
        """What :meth:`Chunker.split` returns, each span with its parent.

        A parent holds its chunks whole. Those of one parent follow each other, and no two parents overlap.
        """


def split_with_parents(chunker: Chunker, document: ParsedDocument) -> list[tuple[Span, Span | None]]:
    """The chunks of any chunker, each with its parent or None."""
    if isinstance(chunker, ParentChunker):
        return chunker.split_with_parents(document)
    return [(span, None) for span in chunker.split(document)]

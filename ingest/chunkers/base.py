"""The contract of a chunker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

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

"""The chunker by the type of the document: code by its definitions, tables by their rows, all else as prose."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ingest.chunkers.base import Chunker, Span, split_with_parents
from ragbot.documents import ParsedDocument


class AutoChunker:
    """Hands each document to the chunker for its type.

    Args:
        prose: for every type that ``special`` does not name.
        special: chunkers by :attr:`ragbot.documents.ParsedDocument.type`.
    """

    def __init__(self, prose: Chunker, special: Mapping[str, Chunker]) -> None:
        self._prose = prose
        self._special = MappingProxyType(dict(special))

    @property
    def signature(self) -> str:
        """See :class:`ingest.chunkers.base.Chunker`; it names every chunker, whichever of them a document needs."""
        parts = [f"{type}={self._special[type].signature}" for type in sorted(self._special)]
        return f"auto-1({','.join([self._prose.signature, *parts])})"

    def split(self, document: ParsedDocument) -> list[Span]:
        """See :class:`ingest.chunkers.base.Chunker`."""
        return self._chosen(document).split(document)

    def split_with_parents(self, document: ParsedDocument) -> list[tuple[Span, Span | None]]:
        """See :class:`ingest.chunkers.base.ParentChunker`."""
        return split_with_parents(self._chosen(document), document)

    def _chosen(self, document: ParsedDocument) -> Chunker:
        return self._special.get(document.type, self._prose)

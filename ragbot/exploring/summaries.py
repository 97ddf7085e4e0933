"""What a summary is, and how its sentences get their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ragbot.documents import Citation, Document, Heading, heading_path, page_at


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of a summary and the places in the document that carry it; there is at least one."""

    text: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class SectionSummary:
    """What a section ``[start, end)`` of the document says; ``text`` has the markers of :attr:`Summary.citations`."""

    heading: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary, whose every sentence is followed by ``[n]``: the citation with that marker.

    ``method`` is ``extractive`` (the document's own sentences) or ``chat``. ``read`` is the share of the document's
    characters that was looked at, in [0, 1]: long documents are read in part. ``calls`` and ``usage`` count what a chat
    model was asked, and its tokens.
    """

    document: Document
    text: str
    language: str
    citations: tuple[Citation, ...]
    sections: tuple[SectionSummary, ...]
    method: Literal["extractive", "chat"]
    read: float
    calls: int = 0
    usage: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """The document that is summarised: its text with the map of its pages and headings."""

    document: Document
    text: str
    pages: tuple[int, ...]
    outline: tuple[Heading, ...]

    def cite(self, start: int, end: int) -> Citation:
        """The citation of a stretch; its marker is 0 until :class:`Numbering` gives it one."""
        return Citation(
            marker=0,
            source=self.document.source,
            title=self.document.title,
            page=page_at(self.pages, start),
            heading=" > ".join(heading_path(self.outline, start)),
            start=start,
            end=end,
            quote=self.text[start:end],
            document_id=self.document.id,
        )


class Numbering:
    """Numbers citations in the order in which they first appear; one place keeps one number."""

    def __init__(self, language: str) -> None:
        self._before = "" if language == "zh" else " "
        self._found: dict[tuple[int, int], Citation] = {}

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Those that have a number, by it."""
        return tuple(self._found.values())

    def text(self, statements: Sequence[Statement]) -> str:
        """The sentences, each with its markers."""
        return " ".join(f"{item.text}{self._before}{self._marks(item)}" for item in statements)

    def _marks(self, statement: Statement) -> str:
        marks = []
        for citation in statement.citations:
            place = (citation.start, citation.end)
            if place not in self._found:
                self._found[place] = replace(citation, marker=len(self._found) + 1)
            marks.append(f"[{self._found[place].marker}]")
        return self._before.join(dict.fromkeys(marks))

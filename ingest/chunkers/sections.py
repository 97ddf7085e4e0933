"""The stretches between a document's headings, which most chunkers do not cut across."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ingest.chunkers.base import Span
from ragbot.documents import ParsedDocument

#: A heading's line, with the rule under it that makes a line a heading in Markdown (setext).
_HEADING = re.compile(r"[^\n]*(?:\n[ ]{0,3}(?:=+|-+)[ \t]*(?=\n|\Z))?")


@dataclass(frozen=True, slots=True)
class Section:
    """What stands from one heading to the next.

    ``body`` is where the headings that it begins with end; ``parent`` is the start of the heading that the last of
    them stands under, -1 for the document itself.
    """

    start: int
    body: int
    end: int
    parent: int = -1


def sections(document: ParsedDocument) -> Iterator[Section]:
    """The sections, in order; a heading with nothing under it goes with the section that follows."""
    text = document.text
    start = body = 0
    parent = -1
    above: list[tuple[int, int]] = []  # level and start of the headings that the present one stands under
    for heading in document.headings:
        if text[body : heading.start].strip():
            yield Section(start, body, heading.start, parent)
            start = heading.start
        while above and above[-1][0] >= heading.level:
            above.pop()
        parent = above[-1][1] if above else -1
        above.append((heading.level, heading.start))
        line = _HEADING.match(text, heading.start)
        body = line.end() if line else heading.start
    yield Section(start, body, len(text), parent)


def with_heading(section: Section, spans: Iterable[Span]) -> Iterator[Span]:
    """``spans`` of a section; those that its headings take up are joined with the first one of its body."""
    begin: int | None = None
    for start, end in spans:
        begin = start if begin is None else begin
        if end > section.body:
            yield begin, end
            begin = None
        else:
            stop = end
    if begin is not None:
        yield begin, stop

"""Finds the entries of a PDF's outline in its text: an entry whose words begin no line of its page is left out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.loaders.pdf.lines import Line

_MAX_HEADING_LINES = 4
_NUMBERING = re.compile(
    r"(?:chapter|section|appendix)?(?:\d{1,3}(?:\.\d{1,3}){0,4}|[ivxlc]{1,6}|[a-z]|第[\d一二三四五六七八九十百]+[章节]"
    r"|[一二三四五六七八九十]{1,3})[.、:．：]?"
)


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A bookmark: its words, its level (1 = top) and the page that it leads to, counted from 0."""

    title: str
    level: int
    page: int


def locate(entries: Sequence[OutlineEntry], pages: Sequence[Sequence[Line]]) -> dict[int, dict[int, tuple[int, int]]]:
    """For each page, ``first line of a heading -> (its last line, its level)``."""
    found: dict[int, dict[int, tuple[int, int]]] = {}
    cursor = (0, 0)
    for entry in entries:
        wanted = _compact(entry.title)
        if not wanted or not 0 <= entry.page < len(pages):
            continue
        begin = cursor[1] if cursor[0] == entry.page else 0
        lines = pages[entry.page]
        on_page = found.setdefault(entry.page, {})
        for first in range(begin, len(lines)):
            last = _match(wanted, lines, first)
            if last is not None:
                on_page[first] = (last, min(entry.level, 9))
                cursor = (entry.page, last + 1)
                break
    return found


def _match(wanted: str, lines: Sequence[Line], first: int) -> int | None:
    seen = ""
    for last in range(first, min(first + _MAX_HEADING_LINES, len(lines))):
        seen += _compact(lines[last].text)
        if seen == wanted or (seen.endswith(wanted) and _NUMBERING.fullmatch(seen[: -len(wanted)])):
            return last
        if len(seen) > len(wanted) + 20:
            return None
    return None


def _compact(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).lower().split())

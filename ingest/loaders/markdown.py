"""Markdown: the text is the file's own; only its headings and front matter are read.

Headings follow CommonMark 0.31 (sections 4.2 ATX, 4.3 setext, 4.5 fenced code) for documents as people write them: a
scan by lines, linear in the text. Those inside lists and block quotes are not taken for headings of the document.
"""

from __future__ import annotations

import re
from pathlib import Path

from ingest.loaders.fields import iso_day, pick_language, pick_title
from ingest.loaders.front_matter import front_matter_list, parse_front_matter
from ingest.loaders.source import DEFAULT_MAX_BYTES
from ingest.loaders.text import read_text
from ragbot.documents import Heading, ParsedDocument
from ragbot.index.labels import declared_tags

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?")
_ATX_CLOSING = re.compile(r"(?:^|[ \t]+)#+$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
# A line that begins something else than a paragraph, so that "---" under it is a rule and no heading's underline.
_OTHER_BLOCK = re.compile(r"(?: {4}|\t| {0,3}(?:>|[-+*][ \t]|\d{1,9}[.)][ \t]|\||<|(?:[-*_][ \t]*){3,}$))")
_LINK = re.compile(r"!?\[([^\[\]]{0,500})\]\([^()]{0,2000}\)")
_EMPHASIS = re.compile(r"(`+|\*{1,3})(\S|\S[^\n]{0,500}?\S)\1")
_MAX_HEADING = 500
_MAX_SETEXT_LINES = 3


class MarkdownLoader:
    """Reads Markdown; the front matter's title, date and language are used, its author and tags become metadata."""

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def load(self, path: Path) -> ParsedDocument:
        """See :meth:`ingest.loaders.base.Loader.load`."""
        text, metadata = read_text(path, self._max_bytes)
        fields, body = parse_front_matter(text)
        headings = find_headings(text, body)
        author = fields.get("author", "")
        if author:
            metadata["author"] = author
        metadata |= declared_tags(front_matter_list(text[:body], ("tags", "keywords")))
        return ParsedDocument(
            text=text,
            title=pick_title(fields.get("title", ""), headings, path),
            type="md",
            language=pick_language(fields.get("language", "") or fields.get("lang", ""), text),
            date=iso_day(fields.get("date", "")),
            headings=headings,
            metadata=metadata,
        )


def find_headings(text: str, begin: int = 0) -> tuple[Heading, ...]:
    """The headings of ``text[begin:]``; each starts where its line does (a setext one with its first line)."""
    headings: list[Heading] = []
    fence = ""  # the run of characters that opened the code block we are in
    comment = False
    paragraph: list[tuple[int, str]] = []  # lines of the paragraph so far, which a setext underline would turn
    plain = True  # whether that paragraph is one of the document, not of a list, a quote or a table
    start = begin
    for raw in text[begin:].split("\n"):
        line, line_start = raw, start
        start += len(raw) + 1
        if len(line) > 10_000:  # no heading is that long; keeps hostile lines away from the expressions below
            paragraph, plain = [(line_start, "")], False
            continue
        if comment:
            comment = "-->" not in line
            continue
        fenced = _FENCE.fullmatch(line)
        if fence:
            if fenced and fenced[1].startswith(fence) and not fenced[2].strip():
                fence = ""
            continue
        if fenced and not (fenced[1][0] == "`" and "`" in fenced[2]):
            fence, paragraph = fenced[1], []
            continue
        if line.lstrip(" ").startswith("<!--"):
            comment, paragraph = "-->" not in line, []
            continue
        atx = _ATX.fullmatch(line)
        if atx:
            _add(headings, line_start, len(atx[1]), _ATX_CLOSING.sub("", (atx[2] or "").strip()))
            paragraph = []
        elif not line.strip():
            paragraph = []
        elif paragraph and plain and len(paragraph) <= _MAX_SETEXT_LINES and (under := _SETEXT.fullmatch(line)):
            level = 1 if under[1][0] == "=" else 2
            _add(headings, paragraph[0][0], level, " ".join(part.strip() for _, part in paragraph))
            paragraph = []
        else:
            if not paragraph:
                plain = not _OTHER_BLOCK.match(line)
            elif _OTHER_BLOCK.match(line) and not line.startswith((" ", "\t")):
                plain = False  # a list or quote interrupts the paragraph
            # Only the first lines matter: a longer paragraph is no heading.
            if len(paragraph) <= _MAX_SETEXT_LINES:
                paragraph.append((line_start, line))
    return tuple(headings)


def _add(headings: list[Heading], start: int, level: int, marked_up: str) -> None:
    plain = _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", marked_up[: 4 * _MAX_HEADING])))
    plain = " ".join(plain.split())[:_MAX_HEADING]
    if plain:
        headings.append(Heading(start, level, plain))

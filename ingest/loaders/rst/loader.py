"""reStructuredText: sections, lists, tables and code of a document, by docutils; Sphinx's own markup keeps its text."""

from __future__ import annotations

import re
from pathlib import Path
from threading import Lock

from ingest.loaders.fields import iso_day, pick_language, pick_title
from ingest.loaders.rst.parse import MAX_LINE
from ingest.loaders.rst.walk import RstWalk
from ingest.loaders.source import DEFAULT_MAX_BYTES, empty
from ingest.loaders.text import read_text
from ragbot.documents import Heading, ParsedDocument

#: docutils reads some 100 KB in a second; a longer file is taken as it stands, with the headings that its lines show.
MAX_MARKUP = 512 * 1024
_RULE = re.compile(r"(?m)^([=\-~^\"'`#*+:.<>_])\1{2,200}[ \t]*$")
_MAX_TITLE = 300
# docutils keeps tables for the document that it reads in its modules.
_LOCK = Lock()


class RstLoader:
    """Reads .rst; nothing that a document includes or embeds is opened."""

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def load(self, path: Path) -> ParsedDocument:
        """See :meth:`ingest.loaders.base.Loader.load`."""
        source, metadata = read_text(path, self._max_bytes)
        walk = _parsed(source)
        if walk is not None:
            text, headings, fields = walk.builder.text, tuple(walk.builder.headings), walk.fields
            if not text.strip():
                raise empty(path)
        else:
            text, headings, fields = source, underlined(source), {}
        if fields.get("author"):
            metadata["author"] = fields["author"][:300]
        return ParsedDocument(
            text=text,
            title=pick_title("", headings, path),
            type="rst",
            language=pick_language("", text),
            date=iso_day(fields.get("date", "")),
            headings=headings,
            metadata=metadata,
        )


def underlined(text: str) -> tuple[Heading, ...]:
    """The titles of ``text`` by the rules under them alone; a level is a character, in the order of appearance."""
    levels: dict[str, int] = {}
    headings: list[Heading] = []
    for rule in _RULE.finditer(text):
        start = text.rfind("\n", 0, max(rule.start() - 1, 0)) + 1
        title = text[start : max(rule.start() - 1, 0)]
        if 0 < len(title) <= _MAX_TITLE and not title[0].isspace() and not _RULE.fullmatch(title):
            level = levels.setdefault(rule.group(1), len(levels) + 1)
            headings.append(Heading(start, level, title.strip()))
    return tuple(headings)


def _parsed(source: str) -> RstWalk | None:
    """The document as blocks, or None where docutils cannot be asked to read it."""
    if len(source) > MAX_MARKUP or max(map(len, source.split("\n"))) > MAX_LINE:
        return None
    walk = RstWalk()
    with _LOCK:
        try:
            walk.document(source)
        except RecursionError:
            return None
    return walk

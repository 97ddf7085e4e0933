"""Texts put one after another, each with its own headings: the chapters of a book, an e-mail and its attachments."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.loaders.builder import TextBuilder
from ragbot.documents import Heading

MAX_LEVEL = 9  # deeper headings are kept at this one


class JoinedText(TextBuilder):
    """A builder that also takes a text which was put together elsewhere."""

    @property
    def length(self) -> int:
        """The number of characters so far."""
        return self._length

    def include(self, text: str, headings: Sequence[Heading] = (), deeper: int = 0) -> int | None:
        """Append ``text`` as a block, its headings' levels raised by ``deeper``.

        Returns:
            The offset at which it starts here, or None where it has no text and was left out.
        """
        body = text.strip("\n ")
        if not body.strip():
            return None
        self.add(body)
        self.close_group()
        start = self._length - len(body)
        moved = start - (len(text) - len(text.lstrip("\n ")))
        for heading in headings:
            level = min(max(1, heading.level + deeper), MAX_LEVEL)
            self.headings.append(Heading(max(start, heading.start + moved), level, heading.text))
        return start

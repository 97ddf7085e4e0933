"""Puts a document's text together from blocks, and keeps the offsets of its headings."""

from __future__ import annotations

from typing import Literal

from ragbot.documents import Heading

BlockKind = Literal["paragraph", "item", "row"]


class TextBuilder:
    """Collects blocks of text: an empty line between them, a line end between items of a list or rows of a table."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._last: BlockKind | None = None
        self.headings: list[Heading] = []

    def add(self, text: str, kind: BlockKind = "paragraph") -> None:
        """Append a block; one that is only white space is left out."""
        text = text.rstrip() if kind == "item" else text.strip("\n ")
        if not text.strip():
            return
        if self._last is not None:
            self._append("\n" if kind == self._last and kind != "paragraph" else "\n\n")
        self._append(text)
        self._last = kind

    def heading(self, text: str, level: int) -> None:
        """Append a heading of ``level`` (1 = top), on one line."""
        text = " ".join(text.split())
        if text:
            self.add(text)
            self.headings.append(Heading(self._length - len(text), level, text))

    def close_group(self) -> None:
        """End a list or table, so that one that follows is set apart by an empty line."""
        if self._last is not None:
            self._last = "paragraph"

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._parts)

    def _append(self, part: str) -> None:
        self._parts.append(part)
        self._length += len(part)

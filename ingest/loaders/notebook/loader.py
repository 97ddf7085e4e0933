"""Jupyter notebooks: Markdown as it is, code in fences, and what the cells printed, within bounds.

The file is JSON and nbformat's rules for it are few, so it is read without nbformat, which would bring a validator and
a schema for each version. Nothing is run, and what outputs hold beside text (images, widgets) is named and left out.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ingest.loaders.builder import TextBuilder
from ingest.loaders.cleaning import clean
from ingest.loaders.fields import iso_day, pick_language, pick_title
from ingest.loaders.json.parse import check_values, read_json, too_deep
from ingest.loaders.markdown import find_headings
from ingest.loaders.notebook.cells import Cell, cells, kernel_language, mapping
from ingest.loaders.source import DEFAULT_MAX_BYTES, empty
from ragbot.documents import Heading, ParsedDocument
from ragbot.errors import LoaderError

_FENCES = re.compile(r"`{3,}")
_MAX_CELLS = 50_000


class NotebookLoader:
    """Reads .ipynb of nbformat 3 and 4; ``metadata["syntax"]`` names the kernel's language.

    Every cell has a heading of its own (``Cell 12``, counted from 1), one level below the Markdown heading that it
    stands under.
    """

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def load(self, path: Path) -> ParsedDocument:
        """See :meth:`ingest.loaders.base.Loader.load`."""
        source, encoding = read_json(path, self._max_bytes)
        if not source.strip():
            raise empty(path)
        notebook = _parse(source, path)
        builder = _NotebookBuilder()
        for number, cell in enumerate(cells(notebook, notebook["nbformat"]), start=1):
            if number > _MAX_CELLS:
                raise LoaderError(f"{path.name} has more than {_MAX_CELLS:,} cells: split it into smaller notebooks")
            builder.cell(number, cell)
        text = builder.text
        if not text.strip():
            raise empty(path)
        own = mapping(notebook.get("metadata"))
        title, day = own.get("title"), own.get("date")
        metadata = {"encoding": encoding}
        if kernel_language(notebook):
            metadata["syntax"] = kernel_language(notebook)
        if author := _authors(own.get("authors")):
            metadata["author"] = author
        return ParsedDocument(
            text=text,
            title=pick_title(clean(title) if isinstance(title, str) else "", builder.titles, path),
            type="ipynb",
            # Code is no prose: the language is that of the Markdown, if there is any.
            language=pick_language("", builder.prose),
            date=iso_day(day) if isinstance(day, str) else None,
            headings=tuple(builder.headings),
            metadata=metadata,
        )


class _NotebookBuilder(TextBuilder):
    """Adds cells, each under its number."""

    def __init__(self) -> None:
        super().__init__()
        self.titles: list[Heading] = []  # those from Markdown
        self._prose: list[str] = []
        self._level = 0  # of the Markdown heading that the next cell stands under

    @property
    def prose(self) -> str:
        """The text of the Markdown cells."""
        return "\n\n".join(self._prose)

    def cell(self, number: int, cell: Cell) -> None:
        """Append ``cell``; one that is empty is left out, and keeps its number."""
        name = f"Cell {number}"
        if cell.kind == "markdown":
            self._markdown(name, cell.source.strip("\n "))
        elif cell.source.strip() or cell.outputs:
            self.heading(name, self._level + 1)
            self._fenced(cell.source, cell.language if cell.kind == "code" else "")
            for output in cell.outputs:
                if output.text.strip():
                    self.add("Error:" if output.kind == "error" else "Output:")
                    self._fenced(output.text, "text")
                for omitted in output.omitted:
                    self.add(f"[Output left out: {omitted}]")

    def _markdown(self, name: str, source: str) -> None:
        found = find_headings(source)
        if not source.strip():
            return
        if not found or source[: found[0].start].strip():
            self.heading(name, self._level + 1)
        self.add(source)
        self._prose.append(source)
        base = self._length - len(source)
        for heading in found:
            self._level = heading.level
            moved = Heading(base + heading.start, heading.level, heading.text)
            self.titles.append(moved)
            # The heading of the document first, then the cell below it, both of the same line.
            self.headings += [moved, Heading(moved.start, heading.level + 1, name)]

    def _fenced(self, text: str, language: str) -> None:
        if text.strip():
            # A fence longer than any in the text, so that the text cannot close it.
            fence = "`" * max(3, 1 + max(map(len, _FENCES.findall(text)), default=0))
            self.add(f"{fence}{language}\n{text.rstrip()}\n{fence}")


def _parse(source: str, path: Path) -> dict[str, Any]:
    check_values(source, path.name)
    try:
        notebook = json.loads(source, strict=False, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise LoaderError(
            f"{path.name} is no valid notebook (line {error.lineno}, column {error.colno}: {error.msg}): "
            "open it in Jupyter and save it again"
        ) from error
    except RecursionError as error:
        raise too_deep(path.name) from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("nbformat"), int):
        raise LoaderError(f"{path.name} is no notebook (it has no nbformat): if it is JSON, rename it to .json")
    version = notebook["nbformat"]
    if version not in (3, 4):
        raise LoaderError(
            f"{path.name} is a notebook of nbformat {version}, 3 and 4 are read: open it in Jupyter and save it again"
        )
    return notebook


def _integer(digits: str) -> int:
    # Numbers mean something in nbformat and in the level of a heading only; int() refuses thousands of digits.
    return int(digits) if len(digits) < 10 else 0


def _authors(value: object) -> str:
    names = [mapping(item).get("name") for item in value] if isinstance(value, list) else []
    return ", ".join(" ".join(clean(name).split()) for name in names[:20] if isinstance(name, str))[:300]

"""The parts of an Office Open XML package as streams: no tree is built, so memory does not grow with the mark-up.

Workbooks are read by hand, and not by openpyxl: it does not know the date formats of Chinese Excel (numbers 27 to 58),
its streaming mode leaves out which cells are merged, and both modes follow the positions that a file claims (a cell in
column XFD makes 16,384 of them in every row, a row numbered 10^12 as many rows).
"""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Callable
from urllib.parse import unquote
from xml.parsers import expat

#: Elements of all parts together. A filled cell takes two or three, so this is far beyond the cells that are read;
#: it bounds the seconds that a sheet of formatted but empty cells may take.
MAX_ELEMENTS = 5_000_000

_PIECE = 256 * 1024

Attributes = dict[str, str]
OnStart = Callable[[str, Attributes], None]
OnEnd = Callable[[str, str], None]


class TooManyElementsError(ValueError):
    """The package has more mark-up than is read."""


class Package:
    """An opened package; the parts are named as in the archive, without a leading slash."""

    def __init__(self, data: bytes) -> None:
        self._archive = zipfile.ZipFile(io.BytesIO(data))
        self._names = {name.lower(): name for name in self._archive.namelist()}  # part names have no case
        self._elements = 0

    def __contains__(self, part: str) -> bool:
        return part.lower() in self._names

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """``part``'s own relations inside the package: id to (last word of the type, target)."""
        folder, name = posixpath.split(part)
        relations: dict[str, tuple[str, str]] = {}

        def start(tag: str, attributes: Attributes) -> None:
            if tag == "Relationship" and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, unquote(attributes["Target"]))).lstrip("/")
                relations[attributes["Id"]] = (attributes["Type"].rpartition("/")[2], target)

        source = posixpath.join(folder, "_rels", f"{name}.rels")
        if source in self:
            self.parse(source, start)
        return relations

    def parse(self, part: str, on_start: OnStart, on_end: OnEnd | None = None) -> None:
        """Stream ``part``: ``on_start`` gets each element's local name and its attributes (prefixes left out),
        ``on_end`` its name and its own text up to there.

        Raises:
            KeyError: there is no such part.
            ValueError: it has a document type declaration, which no such part may have, or too many elements.
            expat.ExpatError: it is not well-formed.
        """  # fmt: skip
        parser = expat.ParserCreate()
        parser.buffer_text = True
        text: list[str] = []
        local: dict[str, str] = {}  # the names repeat

        def start(name: str, attributes: Attributes) -> None:
            self._elements += 1
            if self._elements > MAX_ELEMENTS:
                raise TooManyElementsError(f"more than {MAX_ELEMENTS:,} XML elements")
            text.clear()
            tag = local.get(name)
            if tag is None:
                tag = local[name] = name.rpartition(":")[2]
            on_start(tag, attributes)

        def end(name: str) -> None:
            if on_end is not None:
                on_end(local[name], "".join(text))
            text.clear()

        def doctype(*_: object) -> None:
            raise ValueError(f"a document type declaration in {part}")

        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.CharacterDataHandler = text.append if on_end is not None else None
        parser.StartDoctypeDeclHandler = doctype
        with self._archive.open(self._names[part.lower()]) as stream:
            while piece := stream.read(_PIECE):
                parser.Parse(piece, False)
        parser.Parse(b"", True)

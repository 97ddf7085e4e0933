"""The contract of a loader, and the table from a file's suffix to the loader that reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, cast

from ingest.loaders.source import DEFAULT_MAX_BYTES
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError


class Loader(Protocol):
    """Turns one file into text, with what the file says about itself.

    Metadata found in a file (its title, author, ...) is data: it is never followed as an instruction, and no loader
    fetches what a file refers to.
    """

    def load(self, path: Path) -> ParsedDocument:
        """Read ``path``.

        Raises:
            LoaderError: the file is missing, empty, too large, damaged, encrypted, or not what its name says.
        """
        ...


_TEXT = "ingest.loaders.text:TextLoader"
_MARKDOWN = "ingest.loaders.markdown:MarkdownLoader"
_HTML = "ingest.loaders.html:HtmlLoader"

# "module:class", imported on first use, so that listing the formats costs no parser.
_LOADERS: Mapping[str, str] = MappingProxyType(
    {
        ".csv": _TEXT,
        ".docx": "ingest.loaders.docx:DocxLoader",
        ".htm": _HTML,
        ".html": _HTML,
        ".log": _TEXT,
        ".markdown": _MARKDOWN,
        ".md": _MARKDOWN,
        ".pdf": "ingest.loaders.pdf:PdfLoader",
        ".rst": _TEXT,
        ".text": _TEXT,
        ".tsv": _TEXT,
        ".txt": _TEXT,
        ".xhtml": _HTML,
    }
)

# Formats that people try, and what to do with them.
_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        ".doc": "it is Word's format from before 2007; open it in Word or LibreOffice and save it as .docx",
        ".epub": "convert it to .html or .pdf first, for example with pandoc or Calibre",
        ".odt": "open it in LibreOffice and save it as .docx",
        ".rtf": "open it in a word processor and save it as .docx",
        ".wps": "open it in WPS Office and save it as .docx",
    }
)

SUPPORTED_SUFFIXES: frozenset[str] = frozenset(_LOADERS)


def load(path: Path, max_bytes: int = DEFAULT_MAX_BYTES) -> ParsedDocument:
    """Read ``path`` with the loader that its suffix (in any case) asks for.

    Args:
        path: the file; its content must be of the kind that its suffix says.
        max_bytes: a larger file is refused.

    Raises:
        LoaderError: the suffix is not supported, or the loader cannot read the file.
    """
    suffix = path.suffix.lower()
    target = _LOADERS.get(suffix)
    if target is None:
        advice = _ADVICE.get(suffix, f"supported are {', '.join(sorted(_LOADERS))}")
        raise LoaderError(f"{path.name} has the suffix {suffix or '(none)'!r}, which no loader reads: {advice}")
    module, name = target.split(":")
    make = cast(Callable[[int], Loader], getattr(import_module(module), name))
    return make(max_bytes).load(path)

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
_HTML = "ingest.loaders.html.loader:HtmlLoader"
_CSV = "ingest.loaders.csv.loader:CsvLoader"
_JSON = "ingest.loaders.json.loader:JsonLoader"
_PPTX = "ingest.loaders.pptx.loader:PptxLoader"
_XLSX = "ingest.loaders.xlsx.loader:XlsxLoader"
_IMAGE = "ingest.loaders.image.loader:ImageLoader"
_CODE = "ingest.loaders.code.loader:CodeLoader"
#: As :data:`ingest.loaders.code.loader.SYNTAXES` has them, without importing it.
_CODE_SUFFIXES = (
    ".bash .bat .c .cc .cfg .cjs .conf .cpp .cs .css .cts .cu .cxx .dart .go .gradle .graphql .h .hh .hpp .hxx .ini "
    ".java .jl .js .jsx .kt .kts .less .lua .mjs .mts .php .pl .properties .proto .ps1 .py .pyi .r .rb .rs .scala .scss "
    ".sh .sql .swift .tf .toml .ts .tsx .yaml .yml .zsh"
).split()
_IMAGE_SUFFIXES = ".bmp .jpeg .jpg .png .tif .tiff .webp".split()

# "module:class", imported on first use, so that listing the formats costs no parser.
_LOADERS: Mapping[str, str] = MappingProxyType(
    {
        ".csv": _CSV,
        ".docx": "ingest.loaders.docx.loader:DocxLoader",
        ".eml": "ingest.loaders.eml.loader:EmlLoader",
        ".epub": "ingest.loaders.epub.loader:EpubLoader",
        ".htm": _HTML,
        ".html": _HTML,
        ".ipynb": "ingest.loaders.notebook.loader:NotebookLoader",
        ".json": _JSON,
        ".jsonl": _JSON,
        ".log": _TEXT,
        ".markdown": _MARKDOWN,
        ".md": _MARKDOWN,
        ".ndjson": _JSON,
        ".pdf": "ingest.loaders.pdf.loader:PdfLoader",
        ".ppsx": _PPTX,
        ".pptm": _PPTX,
        ".pptx": _PPTX,
        ".rst": "ingest.loaders.rst.loader:RstLoader",
        ".text": _TEXT,
        ".tsv": _CSV,
        ".txt": _TEXT,
        ".xhtml": _HTML,
        ".xlsm": _XLSX,
        ".xlsx": _XLSX,
        **dict.fromkeys(_CODE_SUFFIXES, _CODE),
        **dict.fromkeys(_IMAGE_SUFFIXES, _IMAGE),
    }
)

# Formats that people try, and what to do with them.
_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        ".doc": "it is Word's format from before 2007; open it in Word or LibreOffice and save it as .docx",
        ".odt": "open it in LibreOffice and save it as .docx",
        ".rtf": "open it in a word processor and save it as .docx",
        ".wps": "open it in WPS Office and save it as .docx",
        **dict.fromkeys(
            (".xls", ".xlsb", ".ods", ".et"), "open it in Excel, LibreOffice or WPS Office and save it as .xlsx"
        ),
        **dict.fromkeys(
            (".ppt", ".odp", ".dps"), "open it in PowerPoint, LibreOffice or WPS Office and save it as .pptx"
        ),
        **dict.fromkeys((".7z", ".rar"), "unpack it, or pack it as .zip"),
        **dict.fromkeys((".gz", ".bz2", ".xz"), "unpack it; of packed files only .tar archives are read"),
    }
)

SUPPORTED_SUFFIXES: frozenset[str] = frozenset(_LOADERS)
#: Pictures: their text has to be recognised.
IMAGE_SUFFIXES: frozenset[str] = frozenset(_IMAGE_SUFFIXES)


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

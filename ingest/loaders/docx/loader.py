"""Word documents: paragraphs, headings, lists and tables in the order of the document.

python-docx opens the package and finds its parts; the walk over the body is ours (:mod:`ingest.loaders.docx.body`), as
python-docx leaves out content controls, tracked insertions and text boxes. Headers, footers, footnotes and comments
are not read.
"""

from __future__ import annotations

import datetime
import io
import lzma
import struct
import zipfile
import zlib
from pathlib import Path

import docx
from docx.document import Document as WordDocument
from docx.opc.exceptions import OpcError
from lxml.etree import LxmlError

from ingest.loaders.archive import check_archive
from ingest.loaders.cleaning import clean
from ingest.loaders.docx.body import extract
from ingest.loaders.fields import pick_language, pick_title
from ingest.loaders.source import DEFAULT_MAX_BYTES, empty, read_source
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError
from ragbot.index.labels import declared_tags

# The day in python-docx's template, which its users' documents inherit: nobody's date.
_TEMPLATE_DAY = datetime.date(2013, 12, 23)

# python-docx checks little: what is missing or wrong in a damaged package shows as any of these, from it, from lxml,
# zipfile, or the decompressors. RuntimeError covers unknown compression methods and too deep a recursion.
_PARSER_ERRORS = (
    OpcError,
    LxmlError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    AssertionError,
    AttributeError,
    ArithmeticError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


class DocxLoader:
    """Reads .docx; title, day of creation, language and author come from the core properties."""

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def load(self, path: Path) -> ParsedDocument:
        """See :meth:`ingest.loaders.base.Loader.load`."""
        data = read_source(path, "docx", self._max_bytes)
        check_archive(data, path)
        try:
            document = docx.Document(io.BytesIO(data))
            builder = extract(document)
            title, author, language, day = _properties(document)
        except _PARSER_ERRORS as error:
            raise LoaderError(
                f"{path.name} is damaged or no Word document ({type(error).__name__}: {str(error)[:200]}): "
                "open it in a word processor and save it again as .docx"
            ) from error
        text = builder.text
        if not text.strip():
            raise empty(path)
        return ParsedDocument(
            text=text,
            title=pick_title(title, builder.headings, path),
            type="docx",
            language=pick_language(language, text),
            date=day,
            headings=tuple(builder.headings),
            metadata={
                **({"author": author} if author else {}),
                **declared_tags(clean(document.core_properties.keywords or "")),
            },
        )


def _properties(document: WordDocument) -> tuple[str, str, str, str | None]:
    core = document.core_properties
    author = clean(core.author or "").strip()[:300]
    from_template = author == "python-docx"
    title = clean(core.title or "")
    created = core.created
    day = created.date() if created and created.date() != _TEMPLATE_DAY else None
    return title, "" if from_template else author, core.language or "", day.isoformat() if day else None

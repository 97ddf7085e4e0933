"""Workbooks (.xlsx, .xlsm): every sheet, hidden ones too, as rows that repeat the labels of their cells.

Formulas give the values that the workbook was saved with. Charts, pictures, text boxes and comments are not read, and
macros, links to other workbooks and data connections are not even looked at.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from xml.parsers.expat import ExpatError

from ingest.loaders.archive import check_archive
from ingest.loaders.csv.table import TableText
from ingest.loaders.fields import iso_day, pick_language, pick_title
from ingest.loaders.source import DEFAULT_MAX_BYTES, empty, read_source
from ingest.loaders.xlsx.package import Package, TooManyElementsError
from ingest.loaders.xlsx.sheet import read_sheet
from ingest.loaders.xlsx.workbook import TooMuchTextError, read_properties, read_workbook
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError
from ragbot.index.labels import declared_tags

# What a damaged package shows as, from zipfile, the decompressors, expat, and from our own reading of the parts.
# RuntimeError covers unknown compression methods.
_PARSER_ERRORS = (
    ExpatError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    ValueError,
)
# The libraries that write workbooks put their own name where the author's belongs.
_PROGRAMS = frozenset({"openpyxl", "xlsxwriter", "apache poi", "unknown creator", "phpspreadsheet", "exceljs"})


class XlsxLoader:
    """Reads .xlsx; title, author, language and day of creation come from the core properties."""

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def load(self, path: Path) -> ParsedDocument:
        """See :meth:`ingest.loaders.base.Loader.load`."""
        data = read_source(path, "xlsx", self._max_bytes)
        check_archive(data, path)
        table = TableText(path)
        try:
            package = Package(data)
            workbook = read_workbook(package)
            for sheet in workbook.sheets:
                table.add_sheet(sheet.name, read_sheet(package, sheet.part, workbook, table.count))
            properties = read_properties(package)
        except (TooManyElementsError, TooMuchTextError) as error:
            raise LoaderError(
                f"{path.name} holds {error}, which no ordinary workbook has: clear the formats of empty cells, or save "
                "the sheets that matter as .csv"
            ) from error
        except _PARSER_ERRORS as error:
            raise LoaderError(
                f"{path.name} is damaged or no workbook ({type(error).__name__}: {str(error)[:200]}): open it in a "
                "spreadsheet program and save it again as .xlsx"
            ) from error
        text = table.text
        if not text:
            raise empty(path)
        author = properties.get("creator", "")[:300]
        metadata = {"author": author} if author and author.lower() not in _PROGRAMS else {}
        metadata |= declared_tags(properties.get("keywords", ""))
        hidden = ", ".join(sheet.name for sheet in workbook.sheets if sheet.hidden)
        if hidden:
            metadata["hidden_sheets"] = hidden[:300]
        return ParsedDocument(
            text=text,
            title=pick_title(properties.get("title", ""), (), path),
            type="xlsx",
            language=pick_language(properties.get("language", ""), text),
            date=iso_day(properties.get("created", "")),
            headings=tuple(table.headings),
            metadata=metadata,
        )

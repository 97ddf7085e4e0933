"""PDF: the text layer, in whole sentences, with pages, ruled tables and the headings of the outline; scans by OCR.

By pypdfium2, not pypdf: on the same zh page pypdf gives radicals for characters (U+2F24 for U+5927), glues or splits
words, and takes ten times as long.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium_c

from ingest.loaders.cleaning import clean
from ingest.loaders.fields import iso_day, pick_language, pick_title, sensible_title
from ingest.loaders.ocr import engine as ocr
from ingest.loaders.ocr.lines import reading_lines
from ingest.loaders.pdf.columns import in_columns
from ingest.loaders.pdf.furniture import drop_furniture
from ingest.loaders.pdf.guard import check_streams
from ingest.loaders.pdf.lines import Line, TooMuchTextError, page_lines
from ingest.loaders.pdf.outline import OutlineEntry, locate
from ingest.loaders.pdf.paragraphs import Joiner, page_blocks
from ingest.loaders.pdf.scan import MAX_SOURCE_PIXELS, is_scanned, is_too_large, page_ranges, render
from ingest.loaders.pdf.survey import survey
from ingest.loaders.pdf.tables import find_tables
from ingest.loaders.source import DEFAULT_MAX_BYTES, read_source
from ragbot.documents import Heading, ParsedDocument
from ragbot.errors import LoaderError
from ragbot.index.labels import declared_tags

MAX_PAGES = 20_000
MAX_CHARACTERS = 100_000_000
_MAX_OUTLINE = 20_000
_MAX_FIRST_LINE = 120
_METADATA = ("Title", "Author", "CreationDate", "Keywords")
_PASSWORD_ERRORS = (pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY)
# PDFium is not thread safe: not even two documents may be read at once in one process.
_PDFIUM = threading.Lock()


class PdfLoader:
    """Reads a PDF's text layer, and the pages that have none by text recognition, where the extra ``ocr`` is installed.

    The metadata say which pages were recognised (``ocr_pages``) and which hold pictures that nobody has read
    (``unread_pages``), as ``1-3, 7``.
    """

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def load(self, path: Path) -> ParsedDocument:
        """See :meth:`ingest.loaders.base.Loader.load`; a page's text is joined to the next by an empty line."""
        data = read_source(path, "pdf", self._max_bytes)
        check_streams(data, path)
        with _PDFIUM:
            try:
                document = pypdfium2.PdfDocument(data)
            except pypdfium2.PdfiumError as error:
                raise _cannot_open(path, error) from error
        try:
            with _PDFIUM:
                raw = _read(document, path)
            recognised = _recognise(document, raw, path) if ocr.is_installed() else set()
        except (pypdfium2.PdfiumError, TooMuchTextError) as error:
            raise _damaged(path, error) from error
        finally:
            with _PDFIUM:
                document.close()
        unread = (raw.scanned - recognised) | raw.too_large
        if not any(line.text.strip() for lines in raw.pages for line in lines):
            raise _no_text(path, raw)
        notes = {"ocr_pages": page_ranges(recognised), "unread_pages": page_ranges(unread)}
        return _assemble(path, raw, {key: pages for key, pages in notes.items() if pages})


@dataclass(slots=True)
class _Raw:
    """What PDFium has read: lines by page, the outline, the declared metadata and language.

    ``scanned`` are the numbers (from 1) of pages to be recognised, ``too_large`` of those that cannot be rendered.
    """

    pages: list[list[Line]]
    outline: list[OutlineEntry]
    metadata: dict[str, str]
    language: str
    scanned: set[int]
    too_large: set[int]


def _read(document: pypdfium2.PdfDocument, path: Path) -> _Raw:
    if len(document) > MAX_PAGES:
        raise LoaderError(f"{path.name} has {len(document):,} pages, at most {MAX_PAGES:,} are read: split it")
    pages: list[list[Line]] = []
    scanned: set[int] = set()
    too_large: set[int] = set()
    characters = 0
    for index in range(len(document)):
        page = document[index]
        try:
            seen = survey(page)
            lines = in_columns(page_lines(page, find_tables(seen)))
        finally:
            page.close()
        characters += sum(len(line.text) for line in lines)
        if characters > MAX_CHARACTERS:
            raise LoaderError(f"{path.name} holds more than {MAX_CHARACTERS:,} characters of text: split it")
        if is_scanned(lines, seen):
            (too_large if is_too_large(seen) else scanned).add(index + 1)
        pages.append(lines)
    outline = []
    for bookmark in islice(document.get_toc(), _MAX_OUTLINE):
        destination = bookmark.get_dest()
        page_index = destination.get_index() if destination is not None else None
        if page_index is not None:
            outline.append(OutlineEntry(_text(bookmark.get_title), bookmark.level + 1, page_index))
    metadata = {key: _text(partial(document.get_metadata_value, key)) for key in _METADATA}
    return _Raw(pages, outline, metadata, _catalog_language(document), scanned, too_large)


def _recognise(document: pypdfium2.PdfDocument, raw: _Raw, path: Path) -> set[int]:
    """Put recognised lines in place of scanned pages; return the numbers of the pages that were read.

    PDFium is held for the rendering only: other threads read their documents while this one recognises.
    """
    if len(raw.scanned) > ocr.MAX_OCR_PAGES:
        raise LoaderError(
            f"{path.name} has {len(raw.scanned):,} scanned pages, at most {ocr.MAX_OCR_PAGES} are recognised: split it"
        )
    for number in sorted(raw.scanned):
        with _PDFIUM:
            page = document[number - 1]
            try:
                image, scale = render(page)
            finally:
                page.close()
        lines = reading_lines(ocr.recognise(image, path.name), scale)
        for line in lines:
            line.y += image.height * scale  # from the lower edge, as in a text layer
        layer = raw.pages[number - 1]
        # A stamp or page number in the text layer is on the picture too; one that is not must not be lost.
        if sum(len(line.text) for line in lines) >= sum(len(line.text) for line in layer):
            raw.pages[number - 1] = lines
    return raw.scanned


def _text(read: Callable[[], str]) -> str:
    """A title or a field of the metadata; one that is no valid UTF-16 (a lone surrogate) is none, the text still counts."""
    try:
        return clean(read() or "")
    except UnicodeError:
        return ""


def _assemble(path: Path, raw: _Raw, notes: dict[str, str]) -> ParsedDocument:
    pages = drop_furniture(raw.pages)
    levels = locate(raw.outline, pages)
    joiner = Joiner(line.text for lines in pages for line in lines)
    parts: list[str] = []
    starts: list[int] = []
    headings: list[Heading] = []
    length = 0
    for number, lines in enumerate(pages):
        if number:
            parts.append("\n\n")
            length += 2
        starts.append(length)
        for block in page_blocks(lines, joiner, levels.get(number, {})):
            parts.append(block.separator)
            length += len(block.separator)
            if block.level:
                headings.append(Heading(length, block.level, block.text))
            parts.append(block.text)
            length += len(block.text)
    text = "".join(parts)
    author = raw.metadata.get("Author", "").strip()[:300]
    return ParsedDocument(
        text=text,
        title=_title(raw.metadata.get("Title", ""), headings, text, path),
        type="pdf",
        language=pick_language(raw.language, text),
        date=iso_day(raw.metadata.get("CreationDate", "").removeprefix("D:")),
        pages=tuple(starts),
        headings=tuple(headings),
        metadata={**({"author": author} if author else {}), **declared_tags(raw.metadata.get("Keywords", "")), **notes},
    )


def _title(declared: str, headings: list[Heading], text: str, path: Path) -> str:
    # Several entries on top of an outline are chapters, and none of them the document's title.
    top = [heading for heading in headings if heading.level == 1]
    first_line = sensible_title(text.lstrip()[: 4 * _MAX_FIRST_LINE].split("\n", 1)[0])
    if not sensible_title(declared) and len(top) != 1 and len(first_line) <= _MAX_FIRST_LINE:
        declared = first_line
    return pick_title(declared, top, path)


def _catalog_language(document: pypdfium2.PdfDocument) -> str:
    size = pdfium_c.FPDFCatalog_GetLanguage(document, None, 0)
    if not 2 < size <= 200:
        return ""
    buffer = ctypes.create_string_buffer(size)
    pdfium_c.FPDFCatalog_GetLanguage(document, ctypes.cast(buffer, ctypes.POINTER(pdfium_c.FPDF_WCHAR)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", errors="ignore").strip()


def _cannot_open(path: Path, error: pypdfium2.PdfiumError) -> LoaderError:
    if getattr(error, "err_code", None) in _PASSWORD_ERRORS:
        return LoaderError(f"{path.name} is password protected: save a copy without the password and read that")
    return _damaged(path, error)


def _no_text(path: Path, raw: _Raw) -> LoaderError:
    if raw.scanned and not ocr.is_installed():
        reason = (
            "it seems to be scanned, and text recognition (OCR) is not installed: "
            'pip install "ragbot[ocr]", then ingest it again'
        )
    elif raw.too_large:
        reason = (
            f"and its pictures have more pixels than are unpacked ({MAX_SOURCE_PIXELS:,} on a page): scan it at a lower "
            "resolution"
        )
    else:
        reason = "and no picture of text that could be recognised: there is nothing in it to read"
    return LoaderError(f"{path.name} has no text layer, {reason}")


def _damaged(path: Path, error: Exception) -> LoaderError:
    return LoaderError(f"{path.name} is damaged ({error}): open it in a PDF reader and export it again")

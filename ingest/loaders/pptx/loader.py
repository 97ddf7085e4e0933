"""Presentations (.pptx, .pptm, .ppsx): each slide a page under its title, its notes after it.

python-pptx opens the package, puts the slides into order, and knows where a placeholder stands that takes its place
from the layout. Hidden slides are read too, as their text is the file's; ``metadata`` lists them. Left out are date,
footer and slide number (they repeat on every slide), comments, pictures and what the layouts show.
"""

from __future__ import annotations

import datetime
import io
import lzma
import struct
import zipfile
import zlib
from pathlib import Path

from lxml.etree import LxmlError
from pptx.exc import PythonPptxError
from pptx.package import Package
from pptx.presentation import Presentation

from ingest.loaders.archive import check_archive
from ingest.loaders.builder import TextBuilder
from ingest.loaders.cleaning import clean
from ingest.loaders.fields import pick_language, pick_title
from ingest.loaders.pptx.slide import ShapeBudget, read_slide
from ingest.loaders.source import DEFAULT_MAX_BYTES, empty, read_source
from ragbot.documents import Heading, ParsedDocument
from ragbot.errors import LoaderError
from ragbot.index.labels import declared_tags

#: Of all parts: python-pptx parses every one when it opens the file, and a tree takes some eight times its XML. A
#: presentation of a thousand slides has 30 MB.
MAX_XML = 128 * 1024 * 1024
MAX_SLIDES = 10_000
#: A slide may be listed any number of times, so the text is bounded beside the file.
MAX_CHARACTERS = 64_000_000

# The day of python-pptx's template, which presentations made with it inherit together with its author: nobody's.
_TEMPLATE_DAY = datetime.date(2013, 1, 27)

# What is missing or wrong in a damaged package shows as any of these, from python-pptx, lxml, zipfile, or the
# decompressors. RuntimeError covers unknown compression methods and too deep a recursion.
_PARSER_ERRORS = (
    PythonPptxError,
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


class PptxLoader:
    """Reads .pptx; title, day of creation, language and author come from the core properties."""

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def load(self, path: Path) -> ParsedDocument:
        """See :meth:`ingest.loaders.base.Loader.load`."""
        data = read_source(path, "pptx", self._max_bytes)
        check_archive(data, path)
        _check_size(data, path)
        try:
            presentation = Package.open(io.BytesIO(data)).main_document_part.presentation
            slides, hidden = _slides(presentation, path)
            title, author, language, day = _properties(presentation)
        except _PARSER_ERRORS as error:
            raise LoaderError(
                f"{path.name} is damaged or no presentation ({type(error).__name__}: {str(error)[:200]}): open it in "
                "PowerPoint or LibreOffice and save it again as .pptx"
            ) from error
        text, pages, headings = _join(slides)
        if not text.strip():
            raise empty(path)
        metadata = {"author": author} if author else {}
        metadata |= declared_tags(clean(presentation.core_properties.keywords or ""))
        if hidden:
            metadata["hidden_slides"] = ", ".join(map(str, hidden))[:300]
        return ParsedDocument(
            text=text,
            title=pick_title(title, headings, path),
            type="pptx",
            language=pick_language(language, text),
            date=day,
            pages=pages,
            headings=headings,
            metadata=metadata,
        )


def _check_size(data: bytes, path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(part.file_size for part in archive.infolist() if part.filename.lower().endswith((".xml", ".rels")))
    if size > MAX_XML:
        raise LoaderError(
            f"{path.name} has {size / 2**20:,.0f} MiB of XML, at most {MAX_XML / 2**20:,.0f} MiB are read: split the "
            "presentation, or save it as .pdf"
        )


def _slides(presentation: Presentation, path: Path) -> tuple[list[TextBuilder], list[int]]:
    slides: list[TextBuilder] = []
    hidden: list[int] = []
    budget = ShapeBudget(path)
    characters = 0
    for number, slide in enumerate(presentation.slides, start=1):
        builder = read_slide(slide, number, budget)
        slides.append(builder)
        characters += len(builder.text)
        if number > MAX_SLIDES or characters > MAX_CHARACTERS:
            raise LoaderError(
                f"{path.name} has more than {MAX_SLIDES:,} slides or {MAX_CHARACTERS:,} characters: split it"
            )
        if slide.element.get("show") in {"0", "false"}:
            hidden.append(number)
    return slides, hidden


def _join(slides: list[TextBuilder]) -> tuple[str, tuple[int, ...], tuple[Heading, ...]]:
    parts: list[str] = []
    pages: list[int] = []
    headings: list[Heading] = []
    length = 0
    for builder in slides:
        text = builder.text
        if text and length:
            parts.append("\n\n")
            length += 2
        # A slide without text begins where the next one does.
        pages.append(length)
        headings.extend(Heading(length + one.start, one.level, one.text) for one in builder.headings)
        parts.append(text)
        length += len(text)
    starts = [min(page, length) for page in pages]
    for index in range(len(slides) - 2, -1, -1):
        if not slides[index].text:
            starts[index] = starts[index + 1]
    return "".join(parts), tuple(starts), tuple(headings)


def _properties(presentation: Presentation) -> tuple[str, str, str, str | None]:
    core = presentation.core_properties
    created = core.created
    from_template = created is not None and created.date() == _TEMPLATE_DAY
    # Whoever sets an author leaves the template's name in "last modified by".
    inherited = from_template and core.author == core.last_modified_by
    author = "" if inherited else " ".join(clean(core.author or "").split())[:300]
    day = created.date().isoformat() if created is not None and not from_template else None
    return clean(core.title or ""), author, core.language or "", day

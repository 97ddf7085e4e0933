"""EPUB 2 and 3: the pages of a book in reading order, under the headings of its table of contents.

Read by our own few lines over :mod:`zipfile` and lxml: the usual library, ebooklib, is under the AGPL.
"""

from __future__ import annotations

import time
from pathlib import Path

from ingest.loaders.cleaning import clean
from ingest.loaders.decoding import BinaryContentError
from ingest.loaders.epub.markup import markup_of
from ingest.loaders.epub.navigation import read_navigation, with_navigation
from ingest.loaders.epub.package import Book, Package, read_package, refuse_protected
from ingest.loaders.epub.page import Page, read_page
from ingest.loaders.epub.text import MAX_LEVEL, JoinedText
from ingest.loaders.fields import iso_day, pick_language, pick_title
from ingest.loaders.source import DEFAULT_MAX_BYTES, empty, read_source
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError
from ragbot.index.labels import declared_tags

MAX_PAGE = 32 * 1024 * 1024  # the parser's tree takes some ten times a page's markup
MAX_MARKUP = 128 * 1024 * 1024  # of all pages; the whole Bible has about 10 MiB
MAX_SECONDS = 120  # a megabyte takes some tenths of one; hostile pages take seconds each, and a book has many
_MAX_COVER = 300  # characters on a page that is still taken for a cover, if the book calls it one
_MOSTLY_LINKS = 0.5  # the share of a table of contents that is links


class EpubLoader:
    """Reads a book. Page ``n`` is the ``n``-th file of its reading order (the spine).

    A book that flows has no pages of paper, but a citation must lead somewhere: files of the spine are what every
    reading program can jump to, and mostly they are the chapters. Those left out (cover, table of contents, pictures)
    are counted, with an empty page, so that the number stays the place in the spine.
    """

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def load(self, path: Path) -> ParsedDocument:
        """See :meth:`ingest.loaders.base.Loader.load`; a book under DRM is refused."""
        book = Book(read_source(path, "epub", self._max_bytes), path)
        refuse_protected(book, path)
        package = read_package(book, path)
        builder, pages = _read_pages(book, package, path)
        text = builder.text
        if not text.strip():
            raise empty(path)
        author = ", ".join(package.authors)[:300]
        metadata = {"author": author} if author else {}
        metadata |= declared_tags(package.subjects)
        if package.missing:
            metadata["missing_pages"] = str(package.missing)
        return ParsedDocument(
            text=text,
            title=pick_title(package.title, builder.headings, path),
            type="epub",
            language=pick_language(package.language, text),
            date=iso_day(package.date),
            pages=pages,
            headings=tuple(builder.headings),
            metadata=metadata,
        )


def _read_pages(book: Book, package: Package, path: Path) -> tuple[JoinedText, tuple[int, ...]]:
    navigation, front = read_navigation(book, package)
    builder = JoinedText()
    starts: list[int | None] = []
    deadline = time.monotonic() + MAX_SECONDS
    markup = shift = 0
    for name in package.spine:
        if time.monotonic() > deadline:
            raise LoaderError(f"{path.name} takes more than {MAX_SECONDS} seconds to read: split the book")
        data = book.read(name, MAX_PAGE) if name else b""
        markup += len(data)
        if markup > MAX_MARKUP:
            raise LoaderError(f"{path.name} holds more than {MAX_MARKUP / 2**20:.0f} MiB of pages: split the book")
        page = read_page(_markup(data, name, path), path) if data else Page("", ())
        if not page.text or _is_front(page, front.get(name, "")):
            starts.append(None)
            continue
        entries = navigation.get(name, [])
        above, headings, shift = with_navigation(page, entries, shift)
        before = builder.length
        if above:
            builder.heading(above, min(entries[0].level, MAX_LEVEL))
        start = builder.include(page.text, headings)
        starts.append(before + (2 if before else 0) if above else start)
    return builder, _filled(starts, builder.length)


def _is_front(page: Page, kind: str) -> bool:
    """Whether a page that the book calls cover or contents is no more than that: some name a chapter so by mistake."""
    return (kind == "cover" and len(page.text) <= _MAX_COVER) or (kind == "toc" and page.linked >= _MOSTLY_LINKS)


def _filled(starts: list[int | None], end: int) -> tuple[int, ...]:
    """The start of each page; one without text starts, and ends, where the next begins."""
    filled: list[int] = []
    for start in reversed(starts):
        end = end if start is None else start
        filled.append(end)
    return tuple(reversed(filled))


def _markup(data: bytes, name: str, path: Path) -> str:
    try:
        return markup_of(data)
    except BinaryContentError as error:
        raise LoaderError(
            f"{path.name} is damaged ({clean(name)[:100]} is no page of text: {error}): download or export it again"
        ) from error

"""What an EPUB says about itself: container, package document and encryption (EPUB 3.3, OPF 2.0.1, OCF).

The archive is only looked into, never unpacked to disk, and a reference is only ever looked up among its members: one
that leads out of the book (``../../etc/passwd``, ``http://...``) finds nothing.
"""

from __future__ import annotations

import io
import lzma
import posixpath
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lxml import etree

from ingest.loaders.archive import check_archive
from ingest.loaders.cleaning import clean
from ingest.loaders.decoding import BinaryContentError
from ingest.loaders.epub.markup import as_plain_xml, markup_of
from ragbot.errors import LoaderError

MAX_XML = 8 * 1024 * 1024  # of a package document or a table of contents: hundreds of times a usual one
MAX_SPINE = 10_000  # as many as an archive may have parts (archive.MAX_PARTS)

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
# These hide fonts only (EPUB 3.3, section 4.3; Adobe's older way); everything else hides the text.
_FONT_OBFUSCATION = frozenset(("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"))
_PAGE_TYPES = frozenset(("application/xhtml+xml", "text/html", "application/x-dtbook+xml"))
_PAGE_SUFFIXES = (".xhtml", ".html", ".htm")
# What zipfile and the decompressors raise for damaged members.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Package:
    """The package document: metadata, the pages in reading order, and where the tables of contents are.

    ``spine`` holds names of archive members, or "" for what cannot be read as a page (a picture, a missing file).
    ``front`` are the pages that the book itself calls its cover or its table of contents.
    """

    title: str
    authors: tuple[str, ...]
    subjects: tuple[str, ...]
    language: str
    date: str
    spine: tuple[str, ...]
    missing: int
    nav: str
    ncx: str
    front: dict[str, str] = field(default_factory=dict)


class Book:
    """The archive of a book: bounded reading of its members by the names that its documents use."""

    def __init__(self, data: bytes, path: Path) -> None:
        """Open the archive.

        Raises:
            LoaderError: it is damaged, encrypted, or would unpack to too much.
        """
        check_archive(data, path)
        self._path = path
        self._archive = zipfile.ZipFile(io.BytesIO(data))
        self._members: dict[str, zipfile.ZipInfo] = {}
        for info in self._archive.infolist():
            for name in _names(info):
                self._members.setdefault(name, info)
                self._members.setdefault(_folded(name), info)

    def find(self, base: str, reference: str) -> str:
        """The member that ``reference`` leads to from the member ``base``, or "" where there is none."""
        try:
            parts = urlsplit(reference.strip())
        except ValueError:  # "http://[": no address at all
            return ""
        if parts.scheme or parts.netloc or not parts.path:
            return ""
        name = posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(parts.path))).lstrip("/")
        info = self._members.get(name) or self._members.get(_folded(name))
        return info.filename if info is not None and not name.startswith("..") else ""

    def first_with_suffix(self, suffix: str) -> str:
        """The first member with ``suffix``, or ""."""
        return next((info.filename for info in self._archive.infolist() if info.filename.endswith(suffix)), "")

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of the member ``name``; empty where there is none.

        Raises:
            LoaderError: it is damaged, or larger than ``limit``.
        """
        info = self._members.get(name)
        if info is None:
            return b""
        if info.file_size > limit:
            raise LoaderError(
                f"{self._path.name} holds a part that is too large ({name[:100]}: {info.file_size / 2**20:.1f} MiB, at "
                f"most {limit / 2**20:.1f} MiB are read): split the book"
            )
        try:
            return self._archive.read(info)
        except _ZIP_ERRORS as error:
            raise LoaderError(
                f"{self._path.name} is damaged ({name[:100]}: {str(error)[:200]}): download or export it again"
            ) from error

    def xml(self, name: str) -> Any:
        """The root element of the member ``name``, read as far as it is sound; None where there is none.

        No entity is declared, no DTD loaded and nothing fetched; libxml2 bounds depth and the size of texts.
        """
        data = self.read(name, MAX_XML)
        parser = etree.XMLParser(
            encoding="utf-8", resolve_entities=False, load_dtd=False, no_network=True, recover=True, huge_tree=False
        )
        try:
            return etree.fromstring(as_plain_xml(markup_of(data)), parser) if data.strip() else None
        except (etree.LxmlError, BinaryContentError, ValueError):
            return None


def _names(info: zipfile.ZipInfo) -> Iterator[str]:
    yield info.filename
    if not info.flag_bits & 0x800 and not info.filename.isascii():
        # Names without the mark for UTF-8 are decoded by zipfile as IBM's code page 437, and are UTF-8 or GBK.
        raw = info.filename.encode("cp437", errors="replace")
        for encoding in ("utf-8", "gb18030"):
            try:
                yield raw.decode(encoding)
            except UnicodeDecodeError:
                continue


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def local_name(element: Any) -> str:
    """The element's name without its namespace; "" for comments and the like."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def attribute(element: Any, name: str) -> str:
    """The attribute of that local name, whatever its namespace: books often get the namespaces wrong."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2].rpartition(":")[2] == name:
            return clean(str(value))
    return ""


def words(element: Any) -> str:
    """All text of the element, on one line."""
    return " ".join(clean("".join(element.itertext())).split())


def elements(root: Any, name: str) -> Iterator[Any]:
    """The elements of that local name in and below ``root``, in document order."""
    if root is not None:
        yield from (element for element in root.iter("*") if local_name(element) == name)


def refuse_protected(book: Book, path: Path) -> None:
    """Raise LoaderError where the text is encrypted (DRM), rather than only the fonts."""
    for data in elements(book.xml(_ENCRYPTION), "EncryptedData"):
        methods = [child for child in data if local_name(child) == "EncryptionMethod"]
        if not methods or any(attribute(method, "Algorithm") not in _FONT_OBFUSCATION for method in methods):
            raise LoaderError(
                f"{path.name} is protected by DRM (its pages are encrypted): ragbot does not open it; get the book "
                "from its seller without protection"
            )


def read_package(book: Book, path: Path) -> Package:
    """Find and read the package document.

    Raises:
        LoaderError: there is none, it names no pages, or too many.
    """
    roots = [attribute(element, "full-path") for element in elements(book.xml(_CONTAINER), "rootfile")]
    name = next((found for root in roots if (found := book.find("", root))), "") or book.first_with_suffix(".opf")
    root = book.xml(name) if name else None
    if root is None:
        raise LoaderError(f"{path.name} is damaged or no EPUB (it has no package document): export it again")
    items = {attribute(item, "id"): item for item in elements(root, "item")}
    spine: list[str] = []
    missing = 0
    seen: set[str] = set()
    for count, reference in enumerate(elements(root, "itemref")):
        if count >= MAX_SPINE:
            raise LoaderError(f"{path.name} lists more than {MAX_SPINE:,} pages, which no real book has: split it")
        item = items.get(attribute(reference, "idref"))
        found = book.find(name, attribute(item, "href")) if item is not None else ""
        missing += not found
        page = found if found not in seen and item is not None and _is_page(item, found) else ""
        seen.add(found)  # a page that is listed twice is read once
        spine.append(page)
    if not any(spine):
        raise LoaderError(
            f"{path.name} is damaged (its package document lists no pages that it holds): export it again"
        )
    navs = [item for item in items.values() if "nav" in attribute(item, "properties").split()]
    ncxs = [item for item in items.values() if attribute(item, "media-type") == "application/x-dtbncx+xml"]
    nav = book.find(name, attribute(navs[0], "href")) if navs else ""
    return Package(
        title=next(_texts(root, "title"), ""),
        authors=tuple(_texts(root, "creator")),
        subjects=tuple(_texts(root, "subject")),
        language=next(_texts(root, "language"), ""),
        date=_date(root),
        spine=tuple(spine),
        missing=missing,
        nav=nav,
        ncx=book.find(name, attribute(ncxs[0], "href")) if ncxs else "",
        front=_guide(book, name, root),
    )


def _is_page(item: Any, name: str) -> bool:
    return attribute(item, "media-type").lower() in _PAGE_TYPES or name.lower().endswith(_PAGE_SUFFIXES)


def _texts(root: Any, name: str) -> Iterator[str]:
    for metadata in elements(root, "metadata"):
        yield from (text for element in elements(metadata, name) if (text := words(element)))


def _date(root: Any) -> str:
    """The day of publication; EPUB 2 may give several dates, told apart by ``opf:event``."""
    dates = {attribute(element, "event"): words(element) for element in reversed(list(elements(root, "date")))}
    found = next((dates[event] for event in ("publication", "", "creation") if event in dates), "")
    # Calibre writes the year 101 where it knows no date.
    return "" if found.startswith("0") else found


def _guide(book: Book, base: str, root: Any) -> dict[str, str]:
    """EPUB 2's guide: the pages that are cover or contents as a whole (without a fragment), to what they are."""
    front: dict[str, str] = {}
    for reference in elements(root, "reference"):
        kind, target = attribute(reference, "type").lower(), attribute(reference, "href")
        if kind in ("cover", "toc") and "#" not in target and (name := book.find(base, target)):
            front[name] = kind
    return front

"""What a server sent: unpacked within bounds, and given the suffix of the loader that reads it."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from ingest.inflate import InflateError, Inflater
from ingest.loaders import SUPPORTED_SUFFIXES
from ingest.loaders.decoding import BinaryContentError, decode
from ingest.loaders.sniff import sniff
from ragbot.errors import LoaderError
from ragbot.net.pages import PageError

_OFFICE = "application/vnd.openxmlformats-officedocument"
# Only those for which there is a loader are taken.
_SUFFIXES: Mapping[str, str] = MappingProxyType(
    {
        "application/epub+zip": ".epub",
        "application/json": ".json",
        "application/pdf": ".pdf",
        "application/rtf": ".rtf",
        "application/vnd.oasis.opendocument.text": ".odt",
        "application/x-ipynb+json": ".ipynb",
        "application/xhtml+xml": ".html",
        "application/xml": ".xml",
        f"{_OFFICE}.presentationml.presentation": ".pptx",
        f"{_OFFICE}.spreadsheetml.sheet": ".xlsx",
        f"{_OFFICE}.wordprocessingml.document": ".docx",
        "message/rfc822": ".eml",
        "text/csv": ".csv",
        "text/html": ".html",
        "text/markdown": ".md",
        "text/plain": ".txt",
        "text/rtf": ".rtf",
        "text/tab-separated-values": ".tsv",
        "text/x-markdown": ".md",
        "text/x-rst": ".rst",
        "text/xml": ".xml",
    }
)
# Types that say nothing, or that servers give to all files that they do not know: the name may say more.
_VAGUE = frozenset(("", "application/octet-stream", "binary/octet-stream", "application/force-download"))
_TEXT_SUFFIXES = frozenset((".csv", ".html", ".log", ".markdown", ".md", ".rst", ".text", ".tsv", ".txt", ".xml"))
# Servers name these for all files, whatever is in them.
_DEFAULT_CHARSETS = frozenset(("iso8859-1", "cp1252", "ascii"))
_SNIFFED = 4096


def unpacked(chunks: Iterable[bytes], encoding: str, max_bytes: int, name: str) -> Iterator[bytes]:
    """The body without its ``Content-Encoding``, in small pieces, up to ``max_bytes`` of them.

    Raises:
        LoaderError: the encoding is not one that was asked for, the data is damaged, or there is more of it.
    """
    encoding = encoding.strip().lower()
    inflater: Inflater | None = None
    size = 0
    if encoding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
        raise PageError(
            "damaged", f"{name} was sent in the encoding {encoding[:40]!r}, which was not asked for: download it"
        )
    try:
        for chunk in chunks:
            if inflater is None and encoding in {"gzip", "x-gzip"}:
                inflater = Inflater("gzip")
            elif inflater is None and encoding == "deflate":
                # RFC 9110 means zlib's format; some servers send the bare data.
                inflater = Inflater("zlib" if chunk[0] & 0x0F == 8 and chunk[0] >> 4 < 8 else "raw deflate")
            for piece in inflater.feed(chunk) if inflater else (chunk,):
                size += len(piece)
                if size > max_bytes:
                    raise too_large(name, max_bytes)
                yield piece
        if inflater:
            inflater.finish()
    except InflateError as error:
        raise PageError("damaged", f"{name} arrived damaged ({error}): try again later") from error


def too_large(name: str, max_bytes: int) -> LoaderError:
    """The error for a body over the limit."""
    return PageError(
        "size",
        f"{name} is too large: at most {max_bytes / 2**20:.1f} MiB are fetched; download it yourself and split it",
    )


def media_type(header: str) -> tuple[str, str]:
    """The type and the charset of a ``Content-Type`` header, both in small letters, each ``""`` where not given."""
    kind, *parameters = header.split(";")
    charset = ""
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset" and not charset:
            charset = value.strip().strip("\"'").lower()[:40]
    return kind.strip().lower()[:100], charset


def suffix_for(kind: str, url: str, data: bytes, name: str) -> str:
    """The suffix under which a loader reads what was fetched: by its bytes, its media type, then its URL.

    Raises:
        LoaderError: no loader reads it.
    """
    by_bytes = sniff(data)
    by_url = PurePosixPath(unquote(urlsplit(url).path)).suffix.lower()
    by_type = _SUFFIXES.get(kind, "")
    if by_bytes is not None and by_bytes.suffix:
        suffix = by_bytes.suffix
    elif kind in _VAGUE:
        suffix = by_url or (".html" if _looks_like_html(data) else ".txt" if by_bytes is None else "")
        if suffix not in SUPPORTED_SUFFIXES and by_bytes is None:
            suffix = ".html" if _looks_like_html(data) else suffix
    elif by_type == ".txt" and by_url in _TEXT_SUFFIXES:
        suffix = by_url  # how raw files are served
    else:
        suffix = by_type
    # The table's own string, not one from outside.
    known = next((known for known in SUPPORTED_SUFFIXES if known == suffix), "")
    if not known:
        what = by_bytes.name if by_bytes else kind or by_url or "something unknown"
        raise PageError(
            "kind", f"{name} is of a kind that no loader reads ({what[:100]}): save it as HTML, PDF or text"
        )
    return known


def in_utf8(data: bytes, suffix: str, charset: str) -> bytes:
    """Text in the charset that the server names, as UTF-8 with a byte order mark, which goes before what a page says
    of itself (as the HTML standard has it); anything else as it is."""
    if suffix not in _TEXT_SUFFIXES | {".htm", ".xhtml"} or not charset:
        return data
    try:
        codec = codecs.lookup(charset).name
        if codec in _DEFAULT_CHARSETS or data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data
        b"x".decode(charset, "replace")  # raises for a codec of Python's that is none for text, such as base64
        decoded = decode(data, charset)
    except (LookupError, ValueError, BinaryContentError):
        return data  # the loader finds out, or says what is wrong with it
    return codecs.BOM_UTF8 + decoded.text.encode("utf-8", "replace")


def _looks_like_html(data: bytes) -> bool:
    head = data[:_SNIFFED].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or b"<html" in head

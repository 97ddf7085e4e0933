"""The markup of a book's files as characters, without what could be declared in front of it."""

from __future__ import annotations

import html.entities
import re

from ingest.loaders.cleaning import clean
from ingest.loaders.decoding import decode

_XML_CHARSET = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
# Tried once, and looks no further than the first ">" after a "]".
_DOCTYPE = re.compile(
    r"\A\s*+(?:<\?xml[^<>?]*+\?>\s*+)?(?:<!--.{0,10000}?-->\s*+)?<!DOCTYPE[^\[<>]*+(?:\[.*?\]\s*+)?>", re.DOTALL
)
_AMPERSAND = re.compile(r"&(?!(?:lt|gt|amp|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)([A-Za-z][A-Za-z0-9]{1,30};)?")


def markup_of(data: bytes) -> str:
    """The clean characters of an XML or XHTML file, which is in UTF-8 unless it says or shows otherwise.

    Raises:
        BinaryContentError: it is no text.
    """
    declared = _XML_CHARSET.search(data[:1024])
    return clean(decode(data, declared.group(1).decode("ascii") if declared else "").text)


def without_doctype(markup: str) -> str:
    """Without XML declaration and document type, so that no entity is ever declared."""
    return _DOCTYPE.sub("", markup, count=1)


def as_plain_xml(markup: str) -> bytes:
    """XML in UTF-8 that declares nothing, in which HTML's named characters and single ampersands do no harm.

    libxml2 goes on after an undeclared entity, but silently drops every ``&lt;`` and ``&amp;`` that follows.
    """
    return _AMPERSAND.sub(_character, without_doctype(markup)).encode("utf-8")


def _character(match: re.Match[str]) -> str:
    name = match[1] or ""
    return html.entities.html5.get(name) or f"&amp;{name}"

"""HTML: the main text of a page, every paragraph of it, with headings, lists and tables as readable lines.

Parsed by selectolax (Lexbor, the algorithm of the HTML standard) and walked by :mod:`ingest.loaders.html.walk`; a
main-text extractor such as trafilatura drops real paragraphs of small pages, which a knowledge base cannot afford.
"""

from __future__ import annotations

import re
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from ingest.loaders.cleaning import clean
from ingest.loaders.decoding import BinaryContentError, decode
from ingest.loaders.fields import iso_day, pick_language, pick_title
from ingest.loaders.html.depth import check_depth
from ingest.loaders.html.walk import extract
from ingest.loaders.source import DEFAULT_MAX_BYTES, empty, read_source
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError
from ragbot.index.labels import declared_tags

_META_CHARSET = re.compile(rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_XML_CHARSET = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
# The names under which pages give their date, the day of publication first.
_DATE_NAMES = (
    "article:published_time",
    "datepublished",
    "pubdate",
    "publishdate",
    "dc.date.issued",
    "dc.date",
    "dcterms.date",
    "dcterms.created",
    "citation_publication_date",
    "citation_date",
    "date",
    "article:modified_time",
)


class HtmlLoader:
    """Reads a page; its declared language, ``<title>``, date and author are used, scripts are never run."""

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def load(self, path: Path) -> ParsedDocument:
        """See :meth:`ingest.loaders.base.Loader.load`."""
        data = read_source(path, "text", self._max_bytes)
        # The standard has browsers look at the first KiB; pages with long comments on top need some more.
        declared = _META_CHARSET.search(data[:8192]) or _XML_CHARSET.search(data[:8192])
        try:
            decoded = decode(data, declared.group(1).decode("ascii") if declared else "")
        except BinaryContentError as error:
            raise LoaderError(f"{path.name} looks like binary ({error}), not HTML: save the page again") from error
        html = clean(decoded.text)
        check_depth(html, path)
        try:
            tree = LexborHTMLParser(html)
        except (SelectolaxError, ValueError, RuntimeError) as error:
            raise LoaderError(f"{path.name} cannot be parsed as HTML ({error}): save the page again") from error
        builder = extract(tree)
        text = builder.text
        if not text.strip():
            raise empty(path)
        metas = _metas(tree)
        title = tree.css_first("head title") or tree.css_first("title")
        metadata = {"encoding": decoded.encoding}
        if metas.get("author"):
            metadata["author"] = " ".join(metas["author"].split())[:300]
        metadata |= declared_tags(metas.get("keywords", ""))
        return ParsedDocument(
            text=text,
            title=pick_title(clean(title.text()) if title else "", builder.headings, path),
            type="html",
            language=pick_language(_language(tree, metas), text),
            date=next((day for name in _DATE_NAMES if (day := iso_day(metas.get(name, "")))), None),
            headings=tuple(builder.headings),
            metadata=metadata,
        )


def _language(tree: LexborHTMLParser, metas: dict[str, str]) -> str:
    root = tree.css_first("html")
    attributes = root.attributes if root else {}
    return attributes.get("lang") or attributes.get("xml:lang") or metas.get("content-language") or ""


def _metas(tree: LexborHTMLParser) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in tree.css("meta[content]"):
        attributes = node.attributes
        name = attributes.get("name") or attributes.get("property") or attributes.get("itemprop") or ""
        name = name or attributes.get("http-equiv") or ""
        if name:
            found.setdefault(name.strip().lower(), clean(attributes.get("content") or ""))
    return found

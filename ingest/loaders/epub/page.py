"""One page of XHTML (a chapter of a book, the body of an e-mail) as text with headings.

Parsed as HTML, not as XML: books and mails are full of XHTML that no XML parser accepts, and an HTML parser knows no
entities to expand and nothing to fetch. What XML writes in another way than HTML is rewritten before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from ingest.loaders.cleaning import clean
from ingest.loaders.epub.markup import without_doctype
from ingest.loaders.html.depth import check_depth
from ingest.loaders.html.walk import extract
from ragbot.documents import Heading
from ragbot.errors import LoaderError

# None of these looks further than the next "<", or is tried more than once, so all are linear in the page.
_EMPTY_ELEMENT = re.compile(r"<([A-Za-z][^\s<>/]*+)((?:[^<>\"'/]|\"[^\"<]*+\"|'[^'<]*+'|/(?!>))*+)/>")
_PAGE_PARTS = re.compile(r"<(/?+)(?:aside|header|footer|main)(?![^\s<>/])", re.IGNORECASE)
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
# The numbers of the printed pages, which stand in the middle of sentences.
_PAGE_BREAKS = "[role=doc-pagebreak], [epub\\:type~=pagebreak]"


@dataclass(frozen=True, slots=True)
class Page:
    """The text of a page, its headings, and the share of the text (0 to 1) that is links."""

    text: str
    headings: tuple[Heading, ...]
    linked: float = 0.0


def read_page(markup: str, path: Path) -> Page:
    """The whole text of a page, notes and headers included; ``path`` is for the messages.

    A web page's header, footer and aside belong to the site around the text; in a book they hold titles and notes.

    Raises:
        LoaderError: it is nested too deeply, or no HTML at all.
    """
    html = without_doctype(clean(markup))
    html = _EMPTY_ELEMENT.sub(_spelled_out, html)
    html = _PAGE_PARTS.sub(r"<\1section", html)
    check_depth(html, path)
    try:
        tree = LexborHTMLParser(html)
    except (SelectolaxError, ValueError, RuntimeError) as error:
        raise LoaderError(f"{path.name} cannot be parsed as HTML ({error}): export it again") from error
    for node in tree.css(_PAGE_BREAKS):
        # As an element around text, it would be the text's section rather than a mark in it.
        if len(node.text()) <= 20:
            node.decompose()
    builder = extract(tree)
    text, headings = _cleaned(builder.text, builder.headings)
    links = sum(len(node.text()) for node in tree.css("a[href]"))
    return Page(text, headings, min(1.0, links / max(1, len(text))))


def _spelled_out(match: re.Match[str]) -> str:
    name, attributes = match.groups()
    # To HTML, "<title/>" and "<script/>" are start tags: they would swallow the rest of the page.
    return f"<{name}{attributes}>" if name.lower() in _VOID else f"<{name}{attributes}></{name}>"


def _cleaned(text: str, headings: list[Heading]) -> tuple[str, tuple[Heading, ...]]:
    """Without the control characters that numeric references (``&#1;``) put in after the markup was cleaned."""
    if clean(text) == text:
        return text, tuple(headings)
    parts: list[str] = []
    kept: list[Heading] = []
    length = begin = 0
    for heading in headings:
        parts.append(clean(text[begin : heading.start]))
        length += len(parts[-1])
        begin = heading.start
        title = " ".join(clean(heading.text).split())
        if title:
            kept.append(Heading(length, heading.level, title))
    parts.append(clean(text[begin:]))
    return "".join(parts), tuple(kept)

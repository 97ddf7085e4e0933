"""A book's table of contents (EPUB 3's navigation document or EPUB 2's NCX), and what it says about each page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.loaders.epub.package import Book, Package, attribute, elements, local_name, words
from ingest.loaders.epub.page import Page
from ragbot.documents import Heading

MAX_ENTRIES = 20_000
MAX_ENTRY = 300  # characters of an entry that are used
_NOT_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table of contents: its words, its level (1 = top), and whether it leads to the page's top."""

    title: str
    level: int
    top: bool


def read_navigation(book: Book, package: Package) -> tuple[dict[str, list[Entry]], dict[str, str]]:
    """The entries by the page that they lead to, and the pages that the landmarks call cover or contents."""
    root = book.xml(package.nav) if package.nav else None
    entries = _collect(book, package.nav, _nav_entries(root))
    if not entries and package.ncx:
        entries = _collect(book, package.ncx, _ncx_entries(book.xml(package.ncx)))
    front = dict(package.front)
    for nav in elements(root, "nav"):
        if "landmarks" in attribute(nav, "type").split():
            for link in elements(nav, "a"):
                kinds = {"cover", "toc"}.intersection(attribute(link, "type").split())
                target = attribute(link, "href")
                if kinds and "#" not in target and (name := book.find(package.nav, target)):
                    front[name] = kinds.pop()
    if package.nav:
        front[package.nav] = "toc"
    return entries, front


def _collect(book: Book, base: str, found: Iterator[tuple[str, int, str]]) -> dict[str, list[Entry]]:
    entries: dict[str, list[Entry]] = {}
    for count, (title, level, target) in enumerate(found):
        if count >= MAX_ENTRIES:
            break
        name = book.find(base, target)
        if name and title:
            entries.setdefault(name, []).append(Entry(title[:MAX_ENTRY], level, "#" not in target))
    return entries


def _nav_entries(root: Any) -> Iterator[tuple[str, int, str]]:
    navs = list(elements(root, "nav"))
    tocs = [nav for nav in navs if "toc" in attribute(nav, "type").split() or attribute(nav, "role") == "doc-toc"]
    for toc in (tocs or navs)[:1]:
        yield from _walk(toc, "ol", lambda element: (element, "href") if local_name(element) == "a" else None)


def _ncx_entries(root: Any) -> Iterator[tuple[str, int, str]]:
    for tree in list(elements(root, "navMap"))[:1]:
        yield from _walk(
            tree, "navPoint", lambda element: (element, "src") if local_name(element) == "content" else None
        )


def _walk(root: Any, container: str, target: Any) -> Iterator[tuple[str, int, str]]:
    """``(title, level, target)`` of each link below ``root``, its level being how many containers it stands in."""
    stack: list[tuple[Any, int]] = [(root, 0)]
    label = ""
    while stack:
        element, level = stack.pop()
        name = local_name(element)
        level += name == container
        if name == "navLabel":
            label = words(element)
            continue
        link = target(element)
        if link is not None:
            yield label if name == "content" else words(element), max(1, level), attribute(*link)
            continue
        stack.extend((child, level) for child in reversed(element) if local_name(child))


def with_navigation(page: Page, entries: Sequence[Entry], deeper: int) -> tuple[str, list[Heading], int]:
    """A page's headings brought into the book's levels, with those that only the table of contents knows.

    A page begins mostly with a heading of its own; then the table of contents says how deep it is in the book, as many
    books begin each chapter with ``<h1>`` though it belongs to a part, or with ``<h3>`` for its looks. Where the
    book's words are there but no heading (a paragraph in large type), that line becomes one. Where they are not
    there (a picture), they are to be put above the page.

    Args:
        page: the page.
        entries: those that lead to it.
        deeper: the shift of the page before, taken over by one that no entry leads to (a chapter cut in two).

    Returns:
        The title to be put above the page ("" for none), the headings, and the shift of the page's own headings. The
        title's level is that of the first entry.
    """
    own = {_compact(heading.text): heading for heading in reversed(page.headings)}
    lines = _lines(page.text) if any(_compact(entry.title) not in own for entry in entries) else {}
    added: list[Heading] = []
    shift: int | None = None
    above = ""
    for index, entry in enumerate(entries):
        key = _compact(entry.title)
        if key in own:
            shift = entry.level - own[key].level if shift is None else shift
        elif key in lines:
            start, line = lines.pop(key)
            added.append(Heading(start, entry.level, line))
        elif index == 0 and (entry.top or len(entries) == 1):
            above = entry.title
    first = page.headings[0] if page.headings else None
    if above and first is not None and not page.text[: first.start].strip():
        above = ""  # the page begins with a heading of its own, in other words than the table of contents
    if shift is None and entries and first is not None:
        beside = above or any(heading.start <= first.start for heading in added)
        shift = entries[0].level - (min(heading.level for heading in page.headings) - 1 if beside else first.level)
    if shift is None:
        shift = deeper
    moved = [Heading(heading.start, max(1, heading.level + shift), heading.text) for heading in page.headings]
    return above, sorted([*moved, *added], key=lambda heading: heading.start), shift


def _compact(text: str) -> str:
    return _NOT_LETTERS.sub("", unicodedata.normalize("NFKC", text[: 2 * MAX_ENTRY]).casefold())


def _lines(text: str) -> dict[str, tuple[int, str]]:
    """The first short line of each wording, with its offset."""
    found: dict[str, tuple[int, str]] = {}
    start = 0
    for line in text.split("\n"):
        if len(line) <= MAX_ENTRY and (key := _compact(line)):
            indent = len(line) - len(line.lstrip())
            found.setdefault(key, (start + indent, line.strip()))
        start += len(line) + 1
    return found

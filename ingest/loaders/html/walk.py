"""The walk over a parsed page: an own stack instead of recursion, blocks out as they end."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingest.loaders.builder import BlockKind, TextBuilder
from ingest.loaders.cleaning import clean

_SKIPPED = frozenset(
    "head script style noscript template svg canvas iframe object embed audio video map nav dialog button select input "
    "textarea datalist rp rt annotation annotation-xml".split()
)
_SKIPPED_ROLES = frozenset("navigation banner contentinfo search menu menubar dialog alertdialog".split())
# Inside these, a header, footer or aside belongs to the text; outside, to the site around it.
_SECTIONING = frozenset(("article", "main", "section", "blockquote", "figure"))
_PAGE_PARTS = frozenset(("header", "footer", "aside"))
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details dir div dl dt fieldset figcaption figure footer "
    "form header hgroup hr legend li main menu ol optgroup option p pre section summary table tbody td tfoot th thead "
    "tr ul".split()
) | frozenset(_HEADINGS)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_HAN = "\u2e80-\u303f\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
# A line end in the source between two characters of Chinese is no space (CSS Text 3, section 4.1.3).
_HAN_LINE_END = re.compile(rf"(?<=[{_HAN}])[ \t]*\n\s*(?=[{_HAN}])")
_SPACE = re.compile(r"[ \t\n\u00a0]+")
_BREAK = "\x0b"  # stands for <br> while a block is collected; no clean text holds it


def extract(tree: LexborHTMLParser) -> TextBuilder:
    """The text and headings of the page's main part: its only ``<main>`` if it has one with text, else the body."""
    mains = tree.css("main, [role=main]")
    if len(mains) == 1:
        builder = _Walk().run(mains[0])
        if builder.text:
            return builder
    body = tree.body or tree.root
    if body is None:
        return TextBuilder()
    # A page that puts its only level-1 heading into the page's header has its title there (as pandoc does).
    lone = [node for node in tree.css("h1") if node.css_matches("body h1")]
    keep = lone[0].mem_id if len(lone) == 1 else None
    return _Walk(keep).run(body)


class _Walk:
    def __init__(self, kept_heading: int | None = None) -> None:
        self._kept_heading = kept_heading
        self._builder = TextBuilder()
        self._inline: list[str] = []
        self._lists: list[int | None] = []  # the next number of each open list, None where it has bullets
        self._marker = ""
        self._row: list[str] | None = None
        self._sections = 0
        self._suppressed = 0  # how many page headers, footers or asides we are in: their text is left out
        self._keeping = False  # inside the one heading of a page's header that is kept
        self._pre = 0

    def run(self, root: LexborNode) -> TextBuilder:
        stack: list[tuple[LexborNode, bool]] = [(root, True)]
        while stack:
            node, entering = stack.pop()
            if not entering:
                self._leave(node)
                continue
            if node.is_text_node:
                if not self._suppressed or self._keeping:
                    self._inline.append(clean(node.text_content or ""))
                continue
            if not (node.is_element_node or node is root) or self._skips(node):
                continue
            self._enter(node)
            stack.append((node, False))
            child = node.last_child
            while child is not None:
                stack.append((child, True))
                child = child.prev
        self._flush()
        return self._builder

    def _skips(self, node: LexborNode) -> bool:
        tag = node.tag or ""
        if tag in _SKIPPED:
            return True
        attributes = node.attributes
        if not attributes:
            return False
        return (
            "hidden" in attributes
            or attributes.get("aria-hidden") == "true"
            or (attributes.get("role") or "") in _SKIPPED_ROLES
            or bool(_HIDDEN_STYLE.search((attributes.get("style") or "")[:1000]))
        )

    def _is_page_part(self, node: LexborNode) -> bool:
        return node.tag in _PAGE_PARTS and not self._sections

    def _enter(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag == "br":
            self._inline.append(_BREAK)
            return
        if tag not in _BLOCKS:
            return
        self._flush()
        if self._is_page_part(node):
            self._suppressed += 1
        if tag == "h1" and self._suppressed and node.mem_id == self._kept_heading:
            self._keeping = True
        if tag in _SECTIONING:
            self._sections += 1
        elif tag in ("ul", "menu", "dir", "ol"):
            if not self._lists:
                self._builder.close_group()
            self._lists.append(_start(node) if tag == "ol" else None)
        elif tag == "li":
            self._marker = self._next_marker()
        elif tag == "table":
            self._builder.close_group()
        elif tag == "tr" and self._row is None and _holds_data(node):
            self._row = []
        elif tag == "pre":
            self._pre += 1

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag not in _BLOCKS:
            return
        if tag in _HEADINGS and self._row is None:
            self._flush(_HEADINGS[tag])
        elif tag in ("td", "th") and self._row is not None:
            self._row.append(self._take().replace("\n", " "))
        elif tag == "tr" and self._row is not None:
            row, self._row = self._row, None
            if any(row):
                self._builder.add(" | ".join(row), "row")
        else:
            self._flush()
        if tag == "h1":
            self._keeping = False
        if tag in _SECTIONING:
            self._sections -= 1
        if self._is_page_part(node):
            self._suppressed -= 1
        if tag in ("ul", "menu", "dir", "ol") and self._lists:
            self._lists.pop()
        elif tag == "li":
            self._marker = ""
        elif tag == "pre":
            self._pre -= 1

    def _next_marker(self) -> str:
        indent = "  " * (len(self._lists) - 1)
        if not self._lists or self._lists[-1] is None:
            return f"{indent}- "
        number = self._lists[-1]
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _take(self) -> str:
        text = "".join(self._inline)
        self._inline.clear()
        if self._pre:
            return text.replace(_BREAK, "\n").replace("\u00a0", " ")
        lines = _HAN_LINE_END.sub("", text).split(_BREAK)
        return "\n".join(_SPACE.sub(" ", line).strip() for line in lines).strip("\n")

    def _flush(self, level: int = 0) -> None:
        if self._row is not None:
            if self._inline:
                self._inline.append(" ")  # blocks inside a cell are words apart, on the row's one line
            return
        text = self._take()
        if not text.strip():
            return
        if level:
            self._builder.heading(text, level)
            return
        kind: BlockKind = "paragraph"
        if self._marker:
            text, kind, self._marker = self._marker + text, "item", ""
        self._builder.add(text, kind)


def _start(node: LexborNode) -> int:
    value = node.attributes.get("start") or ""
    return int(value) if re.fullmatch(r"[0-9]{1,6}", value) else 1


def _holds_data(row: LexborNode) -> bool:
    """Whether a row is one of data: several cells without a table or heading in them (which make a page's layout)."""
    cells = sum(1 for child in row.iter() if child.tag in ("td", "th"))
    return cells > 1 and row.css_first("table, h1, h2, h3, h4, h5, h6, article, section") is None

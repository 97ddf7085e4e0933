"""The body of a Word document as text: a walk over WordprocessingML (ECMA-376, part 1, chapter 17)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docx.document import Document as WordDocument
from docx.oxml.ns import qn

from ingest.loaders.builder import TextBuilder
from ingest.loaders.cleaning import clean
from ingest.loaders.docx.styles import Styles

_P, _TBL, _TR, _TC = qn("w:p"), qn("w:tbl"), qn("w:tr"), qn("w:tc")
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
# What was deleted or moved away, and the second copy of what newer versions of Word draw in another way.
_LEFT_OUT = frozenset((qn("w:del"), qn("w:moveFrom"), qn("w:pPr"), qn("w:rPr"), f"{_MC}Fallback"))
_CHARACTERS = {
    qn("w:tab"): "\t",
    qn("w:br"): "\n",
    qn("w:cr"): "\n",
    qn("w:noBreakHyphen"): "-",
}
_TEXT = frozenset((qn("w:t"), _MATH_TEXT))
_TEXT_BOX = qn("w:txbxContent")


def extract(document: WordDocument) -> TextBuilder:
    """The text of the body, with a heading for each paragraph that a style or an outline level makes one."""
    builder = TextBuilder()
    styles = Styles(document)
    # An own stack: content controls and text boxes may nest.
    stack: list[Iterator[Any]] = [_children(document.element.body)]
    while stack:
        element = next(stack[-1], None)
        if element is None:
            stack.pop()
        elif element.tag == _P:
            boxes = _add_paragraph(builder, styles, element)
            stack.extend(_children(box) for box in reversed(boxes))
        elif element.tag == _TBL:
            _add_table(builder, element)
        elif element.tag not in _LEFT_OUT:
            stack.append(_children(element))  # a content control, custom XML, an insertion, ...
    return builder


def _children(element: Any) -> Iterator[Any]:
    return iter(element.iterchildren("*"))


def _add_paragraph(builder: TextBuilder, styles: Styles, paragraph: Any) -> list[Any]:
    """Append a paragraph; return the text boxes that hang on it, which come after it."""
    text, boxes = _text(paragraph)
    level = styles.heading_level(paragraph)
    marker = styles.list_marker(paragraph) if text.strip() and not level else ""
    if level and text.strip():
        builder.heading(text, level)
    elif marker:
        builder.add(marker + " ".join(text.split("\n")).strip(), "item")
    else:
        builder.add(text)
    return boxes


def _text(paragraph: Any) -> tuple[str, list[Any]]:
    parts: list[str] = []
    boxes: list[Any] = []
    stack: list[Iterator[Any]] = [_children(paragraph)]
    while stack:
        element = next(stack[-1], None)
        if element is None:
            stack.pop()
        elif element.tag in _TEXT:
            parts.append(element.text or "")
        elif element.tag in _CHARACTERS:
            parts.append(_CHARACTERS[element.tag])
        elif element.tag == _TEXT_BOX:
            boxes.append(element)
        elif element.tag not in _LEFT_OUT:
            stack.append(_children(element))
    return clean("".join(parts)).replace("\u00a0", " "), boxes


def _add_table(builder: TextBuilder, table: Any) -> None:
    """Append a table as Markdown-like rows, the first one taken for the header; one of a single cell as paragraphs."""
    rows = [[_cell(cell) for cell in row.iter(_TC) if _row_of(cell) is row] for row in table.iter(_TR)
            if _table_of(row) is table]  # fmt: skip
    rows = [row for row in rows if any(row)]
    if not rows:
        return
    builder.close_group()
    if max(map(len, rows)) == 1:  # a frame around text
        for row in rows:
            builder.add(row[0])
        return
    for index, row in enumerate(rows):
        builder.add("| " + " | ".join(row) + " |", "row")
        if index == 0:
            builder.add("|" + " --- |" * len(row), "row")
    builder.close_group()


def _row_of(cell: Any) -> Any:
    return next(cell.iterancestors(_TR), None)


def _table_of(row: Any) -> Any:
    return next(row.iterancestors(_TBL), None)


def _cell(cell: Any) -> str:
    merged = cell.find(f"{qn('w:tcPr')}/{qn('w:vMerge')}")
    if merged is not None and merged.get(qn("w:val"), "continue") == "continue":
        return ""  # the lower part of a cell that spans rows: its text stands in the first
    words = " ".join(" ".join(_text(paragraph)[0].split()) for paragraph in cell.iter(_P))
    return " ".join(words.split())

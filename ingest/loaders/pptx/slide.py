"""One slide as text: its title, then its shapes from top to bottom and left to right, then its notes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.oxml.ns import qn
from pptx.shapes.base import BaseShape
from pptx.shapes.group import GroupShape
from pptx.slide import Slide

from ingest.loaders.builder import TextBuilder
from ingest.loaders.cleaning import clean
from ingest.loaders.pptx.graphic import add_graphic
from ragbot.errors import LoaderError
from ragbot.text import detect_language

#: Of a whole presentation; each takes some 0.1 ms.
MAX_SHAPES = 100_000
#: Of one layout: they are searched for each placeholder of a slide.
MAX_LAYOUT_SHAPES = 1_000

# Shapes whose tops differ by less than this (a quarter of an inch, in EMU) stand in one line, read from the left.
_SAME_LINE = 914_400 // 4
_MAX_HEADING = 100
_FURNITURE = frozenset({PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER})
_BODY = frozenset({PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT, PP_PLACEHOLDER.VERTICAL_BODY})
# The words that a slide's text is marked with, by its language; English is the default.
_NOTES = {"zh": "备注"}
_SLIDE = {"zh": "幻灯片"}

_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_P, _PPR, _T, _BR = qn("a:p"), qn("a:pPr"), qn("a:t"), qn("a:br")


class ShapeBudget:
    """Counts the shapes of a presentation."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._left = MAX_SHAPES
        self._layouts: set[str] = set()

    def take(self, slide: Slide) -> None:
        """Count the shapes of ``slide``, and look at its layout.

        Raises:
            LoaderError: there are too many.
        """
        self._left -= _count(slide)
        crowded = False
        layout = slide.slide_layout
        if layout.part.partname not in self._layouts:
            self._layouts.add(layout.part.partname)
            crowded = max(_count(layout), _count(layout.slide_master)) > MAX_LAYOUT_SHAPES
        if self._left < 0 or crowded:
            raise LoaderError(
                f"{self._name} has more than {MAX_SHAPES:,} shapes, or a layout with more than "
                f"{MAX_LAYOUT_SHAPES:,}: save it as .pdf and read that"
            )


def read_slide(slide: Slide, number: int, budget: ShapeBudget) -> TextBuilder:
    """The text of ``slide``, the ``number``-th (from 1), with its title as a heading of level 1."""
    budget.take(slide)
    _choose_alternatives(slide.element)
    title = slide.shapes.title
    body = TextBuilder()
    _add_shapes(body, slide, (shape for shape in slide.shapes if title is None or shape.element is not title.element))
    notes = _notes(slide)
    name = " ".join(_paragraph_text(title.element).split()) if title is not None else ""
    builder = TextBuilder()
    if not name and not body.text and not notes:
        return builder
    if name:
        builder.heading(name, 1)
        builder.add(body.text)
    else:
        # Without a heading of its own a slide would stand under the title of the one before.
        first, _, rest = body.text.partition("\n\n")
        if 0 < len(first) <= _MAX_HEADING and "\n" not in first and not first.startswith(("- ", "|")):
            builder.heading(first, 1)
            builder.add(rest)
        else:
            builder.heading(f"{_SLIDE.get(detect_language(body.text or notes), 'Slide')} {number}", 1)
            builder.add(body.text)
    if notes:
        builder.heading(_NOTES.get(detect_language(notes), "Notes"), 2)
        builder.add(notes)
    return builder


def _count(slide: Any) -> int:
    return sum(
        1 for _ in slide.element.iter(qn("p:sp"), qn("p:grpSp"), qn("p:graphicFrame"), qn("p:pic"), qn("p:cxnSp"))
    )


def _choose_alternatives(element: Any) -> None:
    """Put what a newer program shows in the place of the alternatives, as PowerPoint does."""
    for alternatives in list(element.iter(f"{_MC}AlternateContent")):
        chosen = alternatives.find(f"{_MC}Choice")
        if chosen is None:
            chosen = alternatives.find(f"{_MC}Fallback")
        parent = alternatives.getparent()
        at = parent.index(alternatives)
        parent[at : at + 1] = [] if chosen is None else list(chosen)


def _add_shapes(builder: TextBuilder, slide: Slide, shapes: Iterable[BaseShape]) -> None:
    for shape in _reading_order(shapes):
        if isinstance(shape, GroupShape):
            _add_shapes(builder, slide, shape.shapes)
        elif shape.is_placeholder and shape.placeholder_format.type in _FURNITURE:
            continue
        elif shape.has_text_frame:
            is_body = shape.is_placeholder and shape.placeholder_format.type in _BODY
            _add_paragraphs(builder, shape.element, is_body)
        else:
            add_graphic(builder, slide, shape.element, _paragraph_text)


def _reading_order(shapes: Iterable[BaseShape]) -> list[BaseShape]:
    """Lines from top to bottom, each from left to right; a group counts as one shape."""
    placed = sorted(((shape.top or 0, shape.left or 0, shape) for shape in shapes), key=lambda one: one[:2])
    lines: list[list[tuple[int, int, BaseShape]]] = []
    for one in placed:
        if not lines or one[0] - lines[-1][0][0] >= _SAME_LINE:
            lines.append([])
        lines[-1].append(one)
    return [shape for line in lines for _, _, shape in sorted(line, key=lambda one: one[1])]


def _add_paragraphs(builder: TextBuilder, element: Any, is_body: bool) -> None:
    paragraphs = [(paragraph, text) for paragraph in element.iter(_P) if (text := _paragraph_text(paragraph)).strip()]
    for paragraph, text in paragraphs:
        properties = paragraph.find(_PPR)
        level = _level(properties)
        if _is_item(properties, is_body and len(paragraphs) > 1):
            builder.add("  " * level + "- " + " ".join(text.split()), "item")
        else:
            builder.add(text)
    builder.close_group()


def _level(properties: Any) -> int:
    value = properties.get("lvl", "0") if properties is not None else "0"
    return int(value) if value in "0 1 2 3 4 5 6 7 8".split() else 0


def _is_item(properties: Any, default: bool) -> bool:
    """Whether a paragraph has a bullet or number; those of the master, which bodies mostly have, are taken as given."""
    if properties is None:
        return default
    if properties.find(qn("a:buNone")) is not None:
        return False
    return default or any(properties.find(qn(tag)) is not None for tag in ("a:buChar", "a:buAutoNum", "a:buBlip"))


def _paragraph_text(element: Any) -> str:
    """The text under ``element``, with its fields and formulas; a line end at breaks and between paragraphs."""
    parts: list[str] = []
    for node in element.iter(_P, _T, _BR, _MATH_TEXT):
        if node.tag in {_P, _BR}:
            parts.append("\n" if parts else "")
        else:
            parts.append(node.text or "")
    return clean("".join(parts)).replace("\u00a0", " ").strip()


def _notes(slide: Slide) -> str:
    if not slide.has_notes_slide:
        return ""
    placeholder = slide.notes_slide.notes_placeholder
    texts = [_paragraph_text(paragraph) for paragraph in placeholder.element.iter(_P)] if placeholder else []
    return "\n\n".join(text for text in texts if text)

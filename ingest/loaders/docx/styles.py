"""What a Word paragraph is by its style and numbering: a heading of some level, or an item of a list."""

from __future__ import annotations

import re
from typing import Any

from docx.document import Document as WordDocument
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.ns import qn

# Word writes "heading 1" in every language; WPS, converters and people write their own.
_HEADING_NAME = re.compile(r"(?:heading|标题|標題|Überschrift|Titre|見出し)\s*([1-9一二三四五六七八九])", re.IGNORECASE)
_DIGITS = {character: number for number, character in enumerate("一二三四五六七八九", 1)}
_TITLE_NAMES = frozenset(("title", "标题", "標題", "文档标题"))
_MAX_CHAIN = 20  # styles based on styles; a ring of them would never end
_VAL = qn("w:val")


class Styles:
    """Resolves paragraphs' styles once each, and counts the numbers of numbered lists."""

    def __init__(self, document: WordDocument) -> None:
        self._styles: dict[str | None, Any] = {
            style.get(qn("w:styleId"), ""): style for style in document.styles.element.iterchildren(qn("w:style"))
        }
        self._levels: dict[str, int] = {}
        self._style_numbering: dict[str, tuple[str, int] | None] = {}
        self._formats = _number_formats(document)
        self._counters: dict[str, list[int]] = {}

    def heading_level(self, paragraph: Any) -> int:
        """The level of a heading (1 to 9), or 0: by its own outline level, or its style's outline level or name."""
        properties = paragraph.find(qn("w:pPr"))
        own = _outline_level(properties)
        if own is not None:
            return own
        style = _style_of(properties)
        if style not in self._levels:
            self._levels[style] = self._style_level(style)
        return self._levels[style]

    def list_marker(self, paragraph: Any) -> str:
        """``"- "`` or ``"3. "`` with the indentation of its depth, or ``""`` for a paragraph outside lists."""
        properties = paragraph.find(qn("w:pPr"))
        numbering = _numbering(properties)
        if numbering is None:
            style = _style_of(properties)
            if style not in self._style_numbering:
                found = [_numbering(link.find(qn("w:pPr"))) for link in self._chain(style)]
                self._style_numbering[style] = next((each for each in found if each), None)
            numbering = self._style_numbering[style]
        if numbering is None or numbering[0] == "0":  # numId 0 takes an inherited list away
            return ""
        number_id, level = numbering
        number_format = self._formats.get((number_id, level), "bullet")
        if number_format == "bullet":
            return "  " * level + "- "
        if number_format == "none":
            return ""
        counters = self._counters.setdefault(number_id, [0] * 9)
        counters[level] += 1
        counters[level + 1 :] = [0] * (8 - level)
        return "  " * level + f"{counters[level]}. "

    def _style_level(self, style_id: str) -> int:
        for style in self._chain(style_id):
            level = _outline_level(style.find(qn("w:pPr")))
            if level is not None:
                return level
            name = style.find(qn("w:name"))
            text = (name.get(_VAL) or "").strip() if name is not None else ""
            match = _HEADING_NAME.fullmatch(text)
            if match:
                return _DIGITS.get(match.group(1)) or int(match.group(1))
            if text.lower() in _TITLE_NAMES:
                return 1
        return 0

    def _chain(self, style_id: str) -> list[Any]:
        chain: list[Any] = []
        style: Any = self._styles.get(style_id)
        while style is not None and len(chain) < _MAX_CHAIN:
            chain.append(style)
            base = style.find(qn("w:basedOn"))
            style = None if base is None else self._styles.get(base.get(_VAL, ""))
        return chain


def _style_of(properties: Any) -> str:
    style: Any = properties.find(qn("w:pStyle")) if properties is not None else None
    return "" if style is None else str(style.get(_VAL, ""))


def _outline_level(properties: Any) -> int | None:
    """1 to 9, 0 for body text set so explicitly (level 9 in the file), None where nothing is set."""
    outline = properties.find(qn("w:outlineLvl")) if properties is not None else None
    value = "" if outline is None else outline.get(_VAL, "")
    if not re.fullmatch(r"[0-9]", value):
        return None
    return 0 if value == "9" else int(value) + 1


def _numbering(properties: Any) -> tuple[str, int] | None:
    numbering: Any = properties.find(qn("w:numPr")) if properties is not None else None
    number_id = numbering.find(qn("w:numId")) if numbering is not None else None
    if number_id is None:
        return None
    level: Any = numbering.find(qn("w:ilvl"))
    value = "0" if level is None else level.get(_VAL, "0")
    return str(number_id.get(_VAL, "0")), int(value) if re.fullmatch(r"[0-8]", value) else 0


def _number_formats(document: WordDocument) -> dict[tuple[str, int], str]:
    """``(numId, level) -> format`` of the numbering part, empty where the package has none."""
    # document.part.numbering_part would be made anew, and warn, where it is missing.
    part = next((rel.target_part for rel in document.part.rels.values()
                 if rel.reltype == RELATIONSHIP_TYPE.NUMBERING and not rel.is_external), None)  # fmt: skip
    element = getattr(part, "element", None)
    if element is None:
        return {}
    abstract: dict[str, dict[int, str]] = {}
    for definition in element.iterchildren(qn("w:abstractNum")):
        levels: dict[int, str] = {}
        for level in definition.iterchildren(qn("w:lvl")):
            number_format = level.find(qn("w:numFmt"))
            if re.fullmatch(r"[0-8]", level.get(qn("w:ilvl"), "")) and number_format is not None:
                levels[int(level.get(qn("w:ilvl")))] = number_format.get(_VAL, "bullet")
        abstract[definition.get(qn("w:abstractNumId"), "")] = levels
    formats: dict[tuple[str, int], str] = {}
    for number in element.iterchildren(qn("w:num")):
        reference = number.find(qn("w:abstractNumId"))
        if reference is not None:
            for level_index, value in abstract.get(reference.get(_VAL, ""), {}).items():
                formats[number.get(qn("w:numId"), ""), level_index] = value
    return formats

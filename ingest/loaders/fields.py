"""Titles, dates and languages as files declare them, brought into the form that a ParsedDocument holds."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from pathlib import Path

from ragbot.documents import Heading
from ragbot.text import detect_language

_DAY = re.compile(
    r"(?<!\d)(\d{4})(?:\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)|(\d{2})(\d{2})(?=(?:\d{4}|\d{6})?(?!\d)))"
)
_PRIMARY_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_].*)?")
_LANGUAGE_NAMES = {"chinese": "zh", "english": "en", "中文": "zh", "汉语": "zh", "英文": "en", "英语": "en"}
_THREE_LETTERS = {"zho": "zh", "chi": "zh", "cmn": "zh", "eng": "en"}
# What programs write when nobody gave a title.
_PLACEHOLDER = re.compile(
    r"(?:microsoft word\s*-.*|powerpoint presentation|presentation|(?:word )?document\s*\d*|untitled(?:[ -]?\d+)?"
    r"|title|no title|无标题.*|未命名.*|文档\s*\d*|.*\.(?:docx?|pdf|tex|dvi|indd|wps|html?|qxd))",
    re.IGNORECASE,
)
MAX_TITLE = 300


def pick_title(declared: str, headings: Sequence[Heading], path: Path) -> str:
    """The declared title if it says something, else the first level-1 heading, else the file's name in words."""
    declared = sensible_title(declared)
    if declared:
        return declared
    for heading in headings:
        if heading.level == 1 and heading.text:
            return heading.text[:MAX_TITLE]
    return re.sub(r"[-_\s]+", " ", path.stem).strip() or path.name


def sensible_title(value: str) -> str:
    """``value`` on one line, or ``""`` where it is a program's placeholder (``Untitled``, a file name, ...)."""
    value = " ".join(value.split())[:MAX_TITLE]
    return "" if _PLACEHOLDER.fullmatch(value) or not any(map(str.isalnum, value)) else value


def iso_day(value: str) -> str | None:
    """The first day in ``value`` as ISO 8601, if any; also from ``2024/5/1``, ``2024年5月1日``, ``20240501120000``."""
    match = _DAY.search(value[:200])
    if match is None:
        return None
    year, month, day, month2, day2 = match.groups()
    try:
        return datetime.date(int(year), int(month or month2), int(day or day2)).isoformat()
    except ValueError:
        return None


def pick_language(declared: str, text: str) -> str:
    """The primary tag of the declared language (``zh-Hans`` -> ``zh``), or else the language that the text is in."""
    declared = declared.strip()
    name = _LANGUAGE_NAMES.get(declared.lower())
    if name:
        return name
    match = _PRIMARY_TAG.fullmatch(declared)
    tag = match.group(1).lower() if match else ""
    tag = _THREE_LETTERS.get(tag, tag)
    # "und" (undetermined) and "mul" (several) declare nothing.
    return detect_language(text) if tag in {"", "und", "mul"} else tag

"""The wordings of the templates: data files, one for each language, and how text of a document is fitted in."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

_HAN = r"\u3400-\u9fff，。；：、（）“”！？"
_BREAK_IN_CHINESE = re.compile(rf"(?<=[{_HAN}])\s*\n\s*|\s*\n\s*(?=[{_HAN}])")
_MARKS = re.compile(r"\*\*|`|(?<!\w)__(?=[^\W_])|(?<=[^\W_])__(?!\w)")
_INDENT = re.compile(r"\s+")


@cache
def words(language: str) -> dict[str, Any]:
    """All wordings of ``language`` (``en`` or ``zh``), by name."""
    path = files(__package__).joinpath(f"wording.{language}.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def variants(language: str, name: str) -> int:
    """How many wordings there are of a template."""
    return len(words(language)[name])


def phrase(language: str, name: str, variant: int, **values: str) -> str:
    """One wording of a template with the values filled in; ``variant`` counts around."""
    options = words(language)[name]
    return Template(options[variant % len(options)]).substitute({key: flat(value) for key, value in values.items()})


def flat(text: str) -> str:
    """Text of a document on one line, without the marks of Markdown."""
    return _INDENT.sub(" ", _MARKS.sub("", _BREAK_IN_CHINESE.sub("", text))).strip()

"""Texts as people are shown them: on one line, as a code block, and as Markdown that loads nothing."""

from __future__ import annotations

import json
import re
from typing import Any

#: Characters of one line on a terminal.
_LINE = 160
#: What makes Markdown load a picture, hide an address behind words, or become HTML.
_ACTIVE = re.compile(r"\[|\](?=[(:])|<(?=[a-z/!?])", re.IGNORECASE)
_MARKER = re.compile(r"\[\d{1,3}\](?![(:])")


def shortened(text: str, limit: int = _LINE) -> str:
    """``text`` on one line of ``limit`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def compact(value: Any) -> str:
    """A value of JSON in one short line."""
    return shortened(json.dumps(value, ensure_ascii=False, default=str), 80)


def fenced(text: str) -> str:
    """``text`` as a code block that nothing inside it can end."""
    longest = max((len(run) for run in _runs(text, "`")), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _runs(text: str, mark: str) -> list[str]:
    found, run = [], ""
    for character in text:
        run = run + character if character == mark else ""
        found.append(run)
    return found


def harmless(text: str) -> str:
    """Markdown in which pictures, links and tags are plain text: an answer may repeat those of a text that it has read.

    An address stays readable, and citation markers stay as they are.
    """
    markers = {match.start() for match in _MARKER.finditer(text)}

    def escaped(match: re.Match[str]) -> str:
        if match[0] == "<":
            return "&lt;"
        return match[0] if match.start() in markers else match[0].replace("[", "\\[").replace("]", "\\]")

    return _ACTIVE.sub(escaped, text)

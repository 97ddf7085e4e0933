"""YAML front matter, read with the least that serves: ``key: value`` lines at the top level, nothing nested.

No YAML parser is run over a stranger's file: no anchors, no tags, no expansion.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

_LINE = re.compile(r"([A-Za-z_][\w.-]{0,63})[ \t]*:(?:[ \t]+(.*))?")
_COMMENT = re.compile(r"[ \t]+#.*$")
_ENTRY = re.compile(r"[ \t]*-[ \t]+(.*)")
_MAX_LINES = 500
#: Longer lines hold no list of tags that anybody wrote.
_LONGEST = 2_000


def parse_front_matter(text: str) -> tuple[Mapping[str, str], int]:
    """The fields (keys in lower case) of the front matter that ``text`` begins with, and the offset where it ends.

    A text without front matter, or whose front matter is never closed, gives no fields and 0.
    """
    if not text.startswith("---"):
        return MappingProxyType({}), 0
    fields: dict[str, str] = {}
    start = 0
    for number in range(_MAX_LINES):
        newline = text.find("\n", start)
        end = len(text) if newline < 0 else newline
        line = text[start:end].rstrip()
        start = end + 1
        if number == 0:
            if line != "---":
                break
        elif line in ("---", "..."):
            return MappingProxyType(fields), min(start, len(text))
        else:
            match = _LINE.fullmatch(line)
            if match:
                fields.setdefault(match.group(1).lower(), _scalar(match.group(2) or ""))
        if newline < 0:
            break
    return MappingProxyType({}), 0


def front_matter_list(front: str, keys: Sequence[str]) -> list[str]:
    """The entries of the fields of these names: ``key: a, b``, ``key: [a, b]``, or a line ``- a`` for each.

    Args:
        front: the front matter alone, as far as :func:`parse_front_matter` says.
    """
    found: list[str] = []
    reading = False
    for line in front.split("\n")[:_MAX_LINES]:
        if len(line) > _LONGEST:
            continue
        match = _LINE.fullmatch(line.rstrip())
        if match:
            reading = match.group(1).lower() in keys
            entries = _COMMENT.sub("", f" {match.group(2) or ''}").strip().strip("[]").split(",") if reading else []
        else:
            entry = _ENTRY.fullmatch(line.rstrip())
            entries = [_COMMENT.sub("", entry.group(1))] if reading and entry else []
        found += [plain for entry in entries if (plain := entry.strip().strip("\"'").strip())]
    return found


def _scalar(value: str) -> str:
    value = value.strip()
    for quote in "\"'":
        if value.startswith(quote):
            closing = value.find(quote, 1)
            return value[1:closing] if closing > 0 else value[1:]
    value = _COMMENT.sub("", value).strip()
    # Lists, maps, block scalars, anchors and tags are not read.
    return "" if value[:1] in tuple("[{|>&*!") else value

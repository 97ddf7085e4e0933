"""The outline of files whose sections show at the beginning of a line: configuration, SQL, R."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from ingest.loaders.code.outline import Scope

# Each expression matches a line that begins a section (its group is the name), or one that ends it (without a group).
_SECTION = re.compile(r"(?m)^\[{1,2}([^\[\]\n]{1,200})\]{1,2}[ \t]*(?:[#;][^\n]*)?$")
LINE_SYNTAXES: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "ini": _SECTION,
        "toml": _SECTION,
        # A key of the top level with something below it; any other line of the top level ends that.
        "yaml": re.compile(
            r"(?m)^(?:([\w.\"'/-]{1,100}):[ \t]*(?:#[^\n]*)?$(?=\n(?:[ \t]|-[ \t]|#|\n))|[^\s#\-][^\n]*$)"
        ),
        "sql": re.compile(
            r"(?im)^[ \t]*(?:create|alter)[ \t]+(?:or[ \t]+replace[ \t]+)?(?:(?:global|local|temporary|temp|unique|materialized"
            r"|definer[ \t]*=[ \t]*\S{1,100})[ \t]+){0,3}"
            r"((?:table|view|function|procedure|trigger|index|type|schema|sequence)[ \t]+(?:if[ \t]+not[ \t]+exists[ \t]+)?"
            r"[^\s(;]{1,200})"
        ),
        "r": re.compile(r"(?m)^([\w.]{1,100})[ \t]*(?:<-|=)[ \t]*function\b"),
    }
)
_MAX_SCOPES = 20_000
_IF_NOT_EXISTS = re.compile(r"(?i)\bif\s+not\s+exists\s+")


def line_scopes(text: str, syntax: str) -> Iterator[Scope]:
    """The sections of ``text``: each lasts until the next line that begins or ends one. None of them nest."""
    matches = list(_limited(LINE_SYNTAXES[syntax].finditer(text)))
    for number, match in enumerate(matches):
        if match.group(1):
            end = matches[number + 1].start() if number + 1 < len(matches) else len(text)
            name = _IF_NOT_EXISTS.sub("", match.group(1)).strip().strip("\"'")
            if name:
                yield Scope(match.start(), end, name)


def _limited(matches: Iterator[re.Match[str]]) -> Iterator[re.Match[str]]:
    for number, match in enumerate(matches):
        if number >= _MAX_SCOPES:
            return
        yield match

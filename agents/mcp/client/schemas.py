"""What a server says of its tools, as data that somebody wrote whom nobody knows: named, cleaned, cut or left out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from mcp import types

from agents.tools.net.cleaning import one_line

#: What the interfaces of chat models take as a name.
_NAME = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_NAME = 64
MAX_DESCRIPTION = 240
_MAX_WORDS = 160
MAX_SCHEMA = 16_000
_MAX_DEPTH = 12
_TEXT_KEYS = frozenset(("description", "title", "$comment"))


def tool_name(server: str, tool: str) -> str:
    """``server__tool`` with nothing but letters, digits, ``_`` and ``-``, at most 64; what is cut ends in a checksum."""
    name = f"{server}__{_NAME.sub('_', tool)}"
    if len(name) > _LONGEST_NAME or _NAME.search(tool):
        digest = hashlib.sha256(tool.encode("utf-8", "replace")).hexdigest()[:6]
        name = f"{name[: _LONGEST_NAME - 7]}_{digest}"
    return name


def description(server: str, tool: types.Tool) -> str:
    """One line that says whose words it is."""
    said = one_line(tool.description or tool.title or tool.name, MAX_DESCRIPTION)
    return f'Tool "{one_line(tool.name, 60)}" of the MCP server "{server}", which says of it: {said}'


def schema(tool: types.Tool) -> dict[str, Any] | None:
    """The schema of the arguments with its texts cut; None for one that is no object, too large or too deep."""
    found = tool.inputSchema
    try:
        if found.get("type") != "object" or len(json.dumps(found)) > MAX_SCHEMA:
            return None
        cleaned = _cleaned(found, 0)
    except (RecursionError, TypeError, ValueError):
        return None
    # LangChain names the schema by these; a model reads them as the tool's.
    return {"properties": {}, **cleaned, "title": one_line(tool.name, 60), "description": ""}


def _cleaned(value: Any, depth: int, inside_properties: bool = False) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError("too deep")
    if isinstance(value, Mapping):
        return {
            str(key): one_line(item, _MAX_WORDS)
            if key in _TEXT_KEYS and not inside_properties
            else _cleaned(item, depth + 1, inside_properties=key == "properties" and not inside_properties)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_cleaned(item, depth + 1) for item in value]
    return value

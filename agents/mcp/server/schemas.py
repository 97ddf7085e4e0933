"""What the tools are called and take (JSON schema), as clients' models read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mcp import types

from agents.mcp.server.handlers import MAX_PAGE, MAX_PIECE, MAX_TOP_K, PAGE, PIECE, TOP_K

_QUESTION = {"type": "string", "minLength": 1, "maxLength": 4000, "description": "The question, in Chinese or English."}
_SOURCES = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 1000},
    "maxItems": 50,
    "description": "Only these documents: file names, or whole sources as list_documents gives them.",
}


def _count(description: str, default: int, most: int, least: int = 1) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most, "default": default, "description": description}


_FAR = 2**53
_READ_ONLY = types.ToolAnnotations(readOnlyHint=True, openWorldHint=False)
_TOOLS: Mapping[str, tuple[str, dict[str, Any], list[str], types.ToolAnnotations]] = {
    "search": (
        "Find the passages of the documents that fit a question best, each with its place. Use it to look for yourself.",
        {"question": _QUESTION, "top_k": _count("How many passages.", TOP_K, MAX_TOP_K), "sources": _SOURCES},
        ["question"],
        _READ_ONLY,
    ),
    "ask": (
        "Answer a question from the documents, with exact quotes as citations. What they do not say is refused: then "
        "`abstained` is true.",
        {"question": _QUESTION, "sources": _SOURCES},
        ["question"],
        _READ_ONLY,
    ),
    "list_documents": (
        "List the documents: number, title and source.",
        {
            "contains": {
                "type": "string",
                "maxLength": 200,
                "description": "Only those whose title or source holds it.",
            },
            "offset": _count("How many to pass over.", 0, _FAR, 0),
            "limit": _count("How many to list.", PAGE, MAX_PAGE),
        },
        [],
        _READ_ONLY,
    ),
    "read_document": (
        "Read the text of a document, a piece at a time.",
        {
            "document": {
                "type": "string",
                "minLength": 1,
                "maxLength": 2000,
                "description": "Its number, source, file name or title.",
            },
            "start": _count("Character to begin at.", 0, _FAR, 0),
            "length": _count("How many characters.", PIECE, MAX_PIECE),
        },
        ["document"],
        _READ_ONLY,
    ),
    "ingest": (
        "Bring files or folders into the documents; unchanged ones are skipped. They must lie under: {folders}",
        {
            "paths": {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": 4000},
                "minItems": 1,
                "maxItems": 100,
                "description": "Files and folders; relative ones start at the first of those folders.",
            }
        },
        ["paths"],
        types.ToolAnnotations(readOnlyHint=False, destructiveHint=False, idempotentHint=True, openWorldHint=False),
    ),
}


def whole_numbers(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a tool with its whole numbers as such: to JSON schema, 5.0 is one, and many clients write it."""
    properties = _TOOLS[name][1]

    def read(key: str, value: Any) -> Any:
        whole = isinstance(value, float) and value.is_integer() and properties.get(key, {}).get("type") == "integer"
        return int(value) if whole else value

    return {key: read(key, value) for key, value in arguments.items()}


def tools(names: Sequence[str], folders: Sequence[Path]) -> list[types.Tool]:
    """The tools of these names."""
    made = []
    for name in names:
        description, properties, required, annotations = _TOOLS[name]
        made.append(
            types.Tool(
                name=name,
                description=description.replace("{folders}", ", ".join(map(str, folders))),
                inputSchema={
                    "type": "object",
                    "properties": properties,
                    "required": required,
                    "additionalProperties": False,
                },
                annotations=annotations,
            )
        )
    return made

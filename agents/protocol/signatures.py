"""A tool's arguments: as JSON schema without references, and as one line that a small model can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from agents.tools.base import traits_of

#: Characters that a string inside the arguments may have, so that no reply runs on for ever.
LONGEST = 2000
#: What a schema says for people, and what constrained decoding has no use for.
_LEFT_OUT = {"title", "description", "default", "examples", "format", "$schema", "deprecated", "readOnly", "writeOnly"}
#: How deep a schema may nest; one that refers to itself ends there.
_DEPTH = 8


def parameters(tool: BaseTool) -> dict[str, Any]:
    """The JSON schema of the arguments, with descriptions, as endpoints with native tool calls are given it."""
    found = convert_to_openai_tool(tool)["function"].get("parameters") or {}
    return {"type": "object", "properties": {}, **found}


def narrowed(tool: BaseTool, read: Sequence[str]) -> dict[str, Any]:
    """:func:`parameters`, held to what goes with what was ``read`` where the tool can say that; nothing read: unchanged."""
    schema, narrow = parameters(tool), traits_of(tool).narrow
    if narrow is None or not read:
        return schema
    properties = dict(schema["properties"])
    for name, more in narrow(read).items():
        properties[name] = {**properties[name], **more}
    return {**schema, "properties": properties}


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema that constrained decoding follows: references are resolved, only named properties, bounded strings."""
    return _strict(schema, {**schema.get("definitions", {}), **schema.get("$defs", {})}, 0)


def _strict(schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if depth > _DEPTH:
        return {}
    if reference := schema.get("$ref"):
        target = definitions.get(str(reference).rpartition("/")[2], {})
        return _strict({**target, **{k: v for k, v in schema.items() if k != "$ref"}}, definitions, depth + 1)
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _LEFT_OUT or key in {"$defs", "definitions"}:
            continue
        if key == "properties":
            found[key] = {name: _strict(inner, definitions, depth + 1) for name, inner in value.items()}
        elif key in {"anyOf", "oneOf", "allOf"}:
            found["anyOf" if key == "oneOf" else key] = [_strict(inner, definitions, depth + 1) for inner in value]
        elif isinstance(value, Mapping):
            found[key] = _strict(value, definitions, depth + 1)
        else:
            found[key] = value
    if found.get("type") == "object" and "properties" in found:
        found.setdefault("additionalProperties", False)
    if found.get("type") == "string" and "enum" not in found and "const" not in found:
        found.setdefault("maxLength", LONGEST)
    return found


def signature(tool: BaseTool) -> str:
    """``name(query: string, top_k?: integer)``: what may be left out has a question mark."""
    schema = parameters(tool)
    required = set(schema.get("required", ()))
    definitions = schema.get("$defs", {})
    listed = [
        f"{name}{'' if name in required else '?'}: {_kind(inner, definitions)}"
        for name, inner in schema["properties"].items()
    ]
    return f"{tool.name}({', '.join(listed)})"


def summary(tool: BaseTool, language: str) -> str:
    """When to use it: the line of its traits in this language, else the first line of its description."""
    lines = (tool.description or "").strip().splitlines() or [""]
    return traits_of(tool).summaries.get(language) or lines[0]


def described(tool: BaseTool, language: str, *, whole: bool = False) -> str:
    """The tool in one line for a prompt; the ``whole`` line also names what the tool holds."""
    parts = [summary(tool, language), *([traits_of(tool).holds] if whole else [])]
    return f"- {signature(tool)}: {' '.join(': '.join(filter(None, parts)).split())}"


def _kind(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if reference := schema.get("$ref"):
        schema = definitions.get(str(reference).rpartition("/")[2], {})
    if "enum" in schema:
        return "|".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return "|".join(dict.fromkeys(_kind(one, definitions) for one in options if one.get("type") != "null"))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), definitions)}"
    kind = schema.get("type", "any")
    return kind if isinstance(kind, str) else "|".join(kind)

"""What a server answered, as an observation: bounded, and with nothing but text."""

from __future__ import annotations

import json
from typing import Any

from mcp import types

from agents.mcp.client.secrets import Secrets
from agents.tools.base import Result
from agents.tools.net.cleaning import one_line
from agents.tools.wording import Texts

#: Characters of an observation.
MAX_TEXT = 3600
_MAX_DATA = 100_000

_TEXTS = Texts(
    en={
        "cut": "\n[cut here: the result has {total} characters]",
        "other": "[{kind}, {detail}: not shown]",
        "empty": "(the tool answered nothing)",
    },
    zh={
        "cut": "\n[在此截断：结果共 {total} 个字符]",
        "other": "[{kind}，{detail}：未显示]",
        "empty": "（工具没有返回内容）",
    },
)


def as_result(found: types.CallToolResult, secrets: Secrets, language: str) -> Result:
    """The text of a result; pictures, sound and files are named. Data of the server's is kept where it is small."""
    structured = _structured(found, secrets)
    parts = [part for block in found.content if (part := _text(block, language))]
    text = "\n".join(parts)
    if not text and structured is not None:
        text = json.dumps(structured, ensure_ascii=False)
    text = secrets.hidden(text).strip()
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + _TEXTS(language, "cut", total=len(text))
    return Result(text or _TEXTS(language, "empty"), data=structured)


def _structured(found: types.CallToolResult, secrets: Secrets) -> dict[str, Any] | None:
    if found.structuredContent is None:
        return None
    written = secrets.hidden(json.dumps(found.structuredContent, ensure_ascii=False))
    if len(written) > _MAX_DATA:
        return None
    try:
        value = json.loads(written)
    except ValueError:  # a secret stood where it was part of JSON's own signs
        return None
    return value if isinstance(value, dict) else None


def _text(block: types.ContentBlock, language: str) -> str:
    if isinstance(block, types.TextContent):
        return block.text
    if isinstance(block, types.EmbeddedResource):
        if isinstance(block.resource, types.TextResourceContents):
            return block.resource.text
        return _TEXTS(language, "other", kind="file", detail=one_line(str(block.resource.uri), 200))
    if isinstance(block, types.ResourceLink):
        return f"{one_line(block.name, 100)}: {one_line(str(block.uri), 400)}"
    return _TEXTS(language, "other", kind=block.type, detail=one_line(block.mimeType, 60) or "?")

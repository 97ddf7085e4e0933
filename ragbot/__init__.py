"""ragbot: chat with your own documents; every answer can be checked down to the characters of its source."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.tools.base import tool
    from ragbot.bot import RagBot
    from ragbot.documents import (
        Answer,
        Chunk,
        Citation,
        Claim,
        Document,
        Finding,
        Heading,
        IngestReport,
        Message,
        ParsedDocument,
        ScoredChunk,
    )
    from ragbot.errors import RagbotError
    from ragbot.generation.chain import AnswerStream
    from ragbot.index.filters import Filter
    from ragbot.settings import Settings, load_settings
    from ragbot.workspace.conversing import Conversation

__version__ = "0.1.0"

#: Public names and the modules that define them; a module is imported when one of its names is first used.
_EXPORTS = {
    "Answer": "ragbot.documents",
    "AnswerStream": "ragbot.generation.chain",
    "Chunk": "ragbot.documents",
    "Citation": "ragbot.documents",
    "Claim": "ragbot.documents",
    "Conversation": "ragbot.workspace.conversing",
    "Document": "ragbot.documents",
    "Filter": "ragbot.index.filters",
    "Finding": "ragbot.documents",
    "Heading": "ragbot.documents",
    "IngestReport": "ragbot.documents",
    "Message": "ragbot.documents",
    "ParsedDocument": "ragbot.documents",
    "RagBot": "ragbot.bot",
    "RagbotError": "ragbot.errors",
    "ScoredChunk": "ragbot.documents",
    "Settings": "ragbot.settings",
    "load_settings": "ragbot.settings",
    "tool": "agents.tools.base",
}

__all__ = [
    "Answer",
    "AnswerStream",
    "Chunk",
    "Citation",
    "Claim",
    "Conversation",
    "Document",
    "Filter",
    "Finding",
    "Heading",
    "IngestReport",
    "Message",
    "ParsedDocument",
    "RagBot",
    "RagbotError",
    "ScoredChunk",
    "Settings",
    "load_settings",
    "tool",
]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(importlib.import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'ragbot' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*(name for name in globals() if name.startswith("__")), *__all__]

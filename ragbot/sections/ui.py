"""``[ui]``: the web interface."""

from __future__ import annotations

from pydantic import Field

from ragbot.sections.base import Section


class UISettings(Section):
    """The web interface."""

    host: str = Field("127.0.0.1", description="address to listen on; others than this machine need keys")
    models: list[str] = Field([], description='further chat models to choose from beside llm: ["openai:qwen3"]')
    port: int = Field(7860, ge=0, le=65535, description="port to listen on; 0 takes a free one")

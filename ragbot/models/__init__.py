"""Models by name: ``load_embedder("bundled")``, ``load_chat_model("openai:gpt-4o-mini")``."""

from ragbot.models.registry import load_chat_model, load_embedder

__all__ = ["load_chat_model", "load_embedder"]

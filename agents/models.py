"""Which chat model the agent works with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragbot.models.registry import is_chat_model
from ragbot.models.shipped import adapter_folder

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

#: The setting that leaves the choice to ragbot.
AUTO = "auto"
#: Passages that a search shows: to the bundled model, which reads slowly and loses its way in long texts, and to others.
FEW_PASSAGES, PASSAGES = 2, 5
#: The bundled model, and the adapter for tools that is shipped for it.
BUNDLED, ADAPTER = "bundled", "agent"


def agent_llm(llm: BaseChatModel | str | None, chosen: str = AUTO) -> BaseChatModel | str:
    """The agent's model: ``chosen``, or with ``auto`` the model ``llm`` if it follows prompts, else the bundled one.

    The bundled one has its adapter for tools where that is installed.
    """
    if chosen != AUTO:
        return chosen
    if llm is not None and is_chat_model(llm) and llm != BUNDLED:
        return llm
    folder = adapter_folder(ADAPTER)
    return f"{BUNDLED}:{folder}" if folder.is_dir() else BUNDLED


def is_small(name: str) -> bool:
    """Whether a chat model, by its name, is the bundled one (with or without an adapter): it is told less."""
    return name.partition(":")[0] == BUNDLED

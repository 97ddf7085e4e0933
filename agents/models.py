"""Which chat model the agent works with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragbot.models.registry import is_chat_model
from ragbot.models.shipped import adapter_folder

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

#: The setting that leaves the choice to ragbot.
AUTO = "auto"
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

"""Which protocol a model is spoken to by."""

from __future__ import annotations

import sys
from typing import Literal

from langchain_core.language_models import BaseChatModel

from agents.protocol.base import ToolProtocol
from agents.protocol.native import NativeProtocol
from agents.protocol.text import TextProtocol
from ragbot.errors import SettingsError
from ragbot.models.llms.base import LocalChatModel

ProtocolName = Literal["auto", "native", "text"]


def has_tool_calls(model: BaseChatModel) -> bool:
    """Whether LangChain can hand tools to this model."""
    return type(model).bind_tools is not BaseChatModel.bind_tools


def protocol_for(
    model: BaseChatModel,
    name: ProtocolName = "auto",
    constrained: bool = True,
    thoughts: bool = True,
    narrow: bool = False,
) -> ToolProtocol:
    """The protocol called ``name``; ``auto`` takes native tool calls where the model has them.

    A model in this process is only constrained where llguidance is installed; an endpoint decides for itself.

    Raises:
        SettingsError: native tool calls of a model that has none.
    """
    if name == "native" and not has_tool_calls(model):
        raise SettingsError(
            f"{type(model).__name__} has no tool calls of its own: set agent.protocol to text, or use a model that has them"
        )
    if name == "native" or (name == "auto" and has_tool_calls(model)):
        return NativeProtocol()
    available = model.keeps_schemas if isinstance(model, LocalChatModel) else _is_openai(model)
    return TextProtocol(constrained and available, thoughts, narrow)


def takes_max_tokens(model: BaseChatModel) -> bool:
    """Whether one call of this model can be given ``max_tokens``: ours and OpenAI's can, of others nobody knows."""
    return isinstance(model, LocalChatModel) or _is_openai(model)


def _is_openai(model: BaseChatModel) -> bool:
    module = sys.modules.get("langchain_openai")  # a model of it has loaded it
    return module is not None and isinstance(model, module.ChatOpenAI)

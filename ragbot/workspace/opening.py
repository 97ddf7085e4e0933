"""The workspace that the settings name, and conversations with a bot's knowledge base in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.errors import SettingsError, UserError
from ragbot.generation.memory import Memory
from ragbot.sections.answers import ConversationSettings
from ragbot.settings import Settings
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.conversing import Ask, Conversation
from ragbot.workspace.store import FILE_NAME, Workspace

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


def workspace_path(settings: Settings) -> Path:
    """The file of the workspace."""
    return settings.data_dir.expanduser().absolute() / FILE_NAME


def open_conversations(settings: Settings) -> Conversations:
    """The stored conversations; those that are kept no longer are deleted. Raises as :class:`Workspace`."""
    conversations = Conversations(Workspace(workspace_path(settings)))
    try:
        conversations.expire(settings.conversation.retention_days)
    except BaseException:
        conversations.workspace.close()
        raise
    return conversations


def memory(settings: ConversationSettings, model: Callable[[], BaseChatModel] | None) -> Memory:
    """What goes with a question, as the settings say. Raises SettingsError: it takes a chat model, and there is none."""
    if settings.summary == "model" and model is None:
        raise SettingsError(
            "conversation.summary = 'model' takes a chat model, and there is none: choose one with --llm, or set it to auto"
        )
    return Memory(settings.turns, settings.tokens, settings.summary, model)


def conversation(
    conversations: Conversations, ask: Ask, memory: Memory, kb: Path, identity: str | None, model: str
) -> Conversation:
    """A new conversation, or with ``identity`` (or its beginning) one that goes on.

    Raises:
        UserError: there is no such conversation, or it is with another knowledge base.
    """
    if identity is None:
        return Conversation(conversations, ask, memory, str(kb), model=model)
    info = conversations.get(identity)
    # One that was brought in from elsewhere may name a folder that is not here.
    if info.kb != str(kb) and info.kb and Path(info.kb).exists():
        raise UserError(f"the conversation {info.id} is with the knowledge base {info.kb}; go on with --kb {info.kb}")
    return Conversation(conversations, ask, memory, str(kb), info, model)

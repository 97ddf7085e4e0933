"""The methods of :class:`ragbot.RagBot` for conversations that are kept."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ragbot.composing.models import ModelUser
from ragbot.index.filters import Filter
from ragbot.index.knowledge_base import KnowledgeBase
from ragbot.models.registry import is_chat_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragbot.documents import Message
    from ragbot.generation.chain import AnswerStream
    from ragbot.workspace.conversations import Conversations
    from ragbot.workspace.conversing import Conversation


class ConversationKeeper(ModelUser):
    """Conversations about a knowledge base, in the workspace of the settings."""

    kb: KnowledgeBase

    def stream(self, question: str, history: Sequence[Message] = (), where: Filter | None = None) -> AnswerStream:
        """An answer piece by piece; see :meth:`ragbot.RagBot.stream`."""
        raise NotImplementedError

    def conversation(self, conversation_id: str | None = None, where: Filter | None = None) -> Conversation:
        """A conversation whose turns are remembered and stored; with an id (or its beginning), one that goes on.

        Args:
            where: of this, only who asks counts: old answers from documents that they may not see (any more) are
                neither shown nor remembered. Each question takes its own condition beside it.

        Raises:
            UserError: there is no such conversation, or it is with another knowledge base.
            CorruptError, NewerVersionError, StorageError: the workspace in ``data_dir`` cannot be used.
        """
        from ragbot.workspace.opening import conversation, memory

        recalled = memory(self.settings.conversation, self._chat_model if is_chat_model(self._llm) else None)
        kept = self.conversations
        if where is not None and where.principals is not None:
            from ragbot.workspace.conversations_seen import SeenConversations

            kept = SeenConversations(kept.workspace, {str(self.kb.folder): self.kb.catalog}, where)
        return conversation(kept, self.stream, recalled, self.kb.folder, conversation_id, self.llm)

    @cached_property
    def conversations(self) -> Conversations:
        """The conversations in the workspace of the settings, which is opened when it is first used."""
        from ragbot.workspace.opening import open_conversations

        return open_conversations(self.settings)

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

    from agents.react import Agent
    from ragbot.composing.turns import TurnOptions, Watch
    from ragbot.documents import Message
    from ragbot.generation.chain import AnswerChain, AnswerStream
    from ragbot.workspace.conversations import Conversations
    from ragbot.workspace.conversing import Ask, Conversation
    from ragbot.workspace.store import Workspace


class ConversationKeeper(ModelUser):
    """Conversations about a knowledge base, in the workspace of the settings."""

    kb: KnowledgeBase

    def stream(self, question: str, history: Sequence[Message] = (), where: Filter | None = None) -> AnswerStream:
        """An answer piece by piece; see :meth:`ragbot.RagBot.stream`."""
        raise NotImplementedError

    def chain_for(self, options: TurnOptions) -> AnswerChain:
        """The answer chain as one question wants it; see :meth:`ragbot.RagBot.chain_for`."""
        raise NotImplementedError

    def agent(self, *, language: str, where: Filter | None) -> Agent:
        """An agent; see :meth:`ragbot.RagBot.agent`."""
        raise NotImplementedError

    def conversation(
        self,
        conversation_id: str | None = None,
        where: Filter | None = None,
        *,
        options: TurnOptions | None = None,
        watch: Watch | None = None,
        workspace: Workspace | None = None,
    ) -> Conversation:
        """A conversation whose turns are remembered and stored; with an id (or its beginning), one that goes on.

        Args:
            where: of this, only who asks counts: old answers from documents that they may not see (any more) are
                neither shown nor remembered. Each question takes its own condition beside it.
            options: how the next questions are answered; default: as the settings say.
            watch: told the steps of the agent, where the options ask for one.
            workspace: where it is stored; default: the workspace of the settings.

        Raises:
            UserError: there is no such conversation, or it is with another knowledge base.
            CorruptError, NewerVersionError, StorageError: the workspace in ``data_dir`` cannot be used.
        """
        from ragbot.workspace.opening import conversation, memory

        recalled = memory(self.settings.conversation, self._chat_model if is_chat_model(self._llm) else None)
        ask: Ask = self.stream
        model = self.llm
        if options is not None:
            from ragbot.composing.turns import AGENT, asking

            ask = asking(self, options, watch)
            model = AGENT if options.agent else options.model or self.llm
        kept = self.conversations_of(workspace, where)
        return conversation(kept, ask, recalled, self.kb.folder, conversation_id, model)

    def conversations_of(self, workspace: Workspace | None = None, where: Filter | None = None) -> Conversations:
        """The conversations in a workspace (that of the settings), as somebody sees them.

        Args:
            where: of this, only who asks counts: answers from documents that they may not see are withheld.
        """
        from ragbot.workspace.conversations import Conversations
        from ragbot.workspace.conversations_seen import SeenConversations

        kept = self.conversations if workspace is None else Conversations(workspace)
        if where is None or where.principals is None:
            return kept
        return SeenConversations(kept.workspace, {str(self.kb.folder): self.kb.catalog}, where)

    @cached_property
    def conversations(self) -> Conversations:
        """The conversations in the workspace of the settings, which is opened when it is first used."""
        from ragbot.workspace.opening import open_conversations

        return open_conversations(self.settings)

"""What every tab works with: the knowledge bases of the process, and who looks at the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import gradio as gr

from apps.api.bots import Bots
from apps.api.principal import OWNER, Principal
from apps.door.login import Login
from apps.gradio_ui.text import language_of
from ragbot.errors import UserError
from ragbot.index.filters import Filter
from ragbot.settings import Settings
from ragbot.workspace.people import People
from ragbot.workspace.store import Workspace

if TYPE_CHECKING:
    from ragbot.bot import RagBot
    from ragbot.composing.turns import TurnOptions, Watch
    from ragbot.workspace.conversations import Conversations
    from ragbot.workspace.conversing import Conversation
    from ragbot.workspace.records import ConversationInfo


@dataclass(frozen=True, slots=True)
class Site:
    """What a running app is made of.

    Args:
        bots: the knowledge bases, opened by name.
        workspace: the owner's: conversations, jobs, keys.
        login: who may come in.
        people: the workspaces of all, the owner's among them.
        at_end: called when the app stops: a tab adds what has to stop with it.
    """

    bots: Bots
    workspace: Workspace
    login: Login
    people: People
    at_end: list[Callable[[], object]] = field(default_factory=list, compare=False)

    @property
    def settings(self) -> Settings:
        """Those of the process."""
        return self.bots.settings

    def close(self) -> None:
        """Stop what is at work, and let go of the workspaces; the knowledge bases are the caller's."""
        for end in self.at_end:
            end()
        self.people.close()

    def visitor(self, request: gr.Request | None) -> Visitor:
        """Who sent a request.

        Raises:
            UserError: keys are required, and there is no valid one behind the request (any more).
        """
        language = language_of(request, self.settings.language)
        if request is None:
            return Visitor(self, OWNER, language)
        principal = self.login.principal(request.headers.get("cookie", ""))
        if principal is None:
            raise UserError(
                "your key is not valid any more, or you were away for long: load the page, and log in again"
            )
        return Visitor(self, principal, language)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person at the page: what they may do, and the language they read (``en``, ``zh``)."""

    site: Site
    principal: Principal
    language: str

    def knowledge_bases(self) -> list[str]:
        """The names of those that they may use."""
        mine = self.principal.knowledge_bases
        return [name for name in self.site.bots.names() if mine is None or name in mine]

    def chosen(self, name: str | None) -> str:
        """``name`` if they may use it, else the first that they may: what a page shows at first.

        Raises:
            UserError: there is none that they may use.
        """
        names = self.knowledge_bases()
        if name in names:
            return str(name)
        if self.site.bots.default in names:
            return self.site.bots.default
        if not names:
            raise UserError("there is no knowledge base that this key opens; ask whoever made it")
        return names[0]

    def may(self, scope: str) -> bool:
        """Whether they may do what takes ``read``, ``write`` or ``admin``."""
        return scope in self.principal.scopes

    @contextmanager
    def using(self, name: str | None, scope: str = "read") -> Iterator[RagBot]:
        """A knowledge base, open as long as this lasts; pass :meth:`Principal.where` on to whatever reads documents.

        Args:
            name: which; None or empty for the default one.
            scope: what is going to be done: ``read``, ``write`` or ``admin``.

        Raises:
            UserError: it is none of theirs, or the key does not allow it.
            KnowledgeBaseError: it cannot be used.
        """
        name = name or self.chosen(None)
        if name not in self.knowledge_bases():
            raise UserError(f"there is no knowledge base {name[:80]!r}; choose another at the top of the page")
        if not self.may(scope):
            raise UserError(f"this key may not do that: it needs the scope {scope}; ask whoever made it")
        with self.site.bots.using(name) as bot:
            yield bot

    @property
    def workspace(self) -> Workspace:
        """Where their conversations and runs are.

        Raises:
            CorruptError, NewerVersionError, StorageError: it cannot be used.
        """
        return self.site.people.workspace(self.principal.owner)

    def where(self, condition: Filter | None = None) -> Filter:
        """``condition`` for what they may see."""
        return self.principal.where(condition)

    def conversations(self, bot: RagBot) -> Conversations:
        """Theirs; answers from documents that they may not see (any more) are withheld."""
        return bot.conversations_of(self.workspace, self.where())

    def conversation(
        self, bot: RagBot, identity: str, options: TurnOptions | None = None, watch: Watch | None = None
    ) -> Conversation:
        """One that goes on; a new one where there is none of this id (any more)."""
        return bot.conversation(
            identity if self.found(bot, identity) else None,
            self.where(),
            options=options,
            watch=watch,
            workspace=self.workspace,
        )

    def listed(self, bot: RagBot) -> list[ConversationInfo]:
        """Their conversations with this knowledge base, the one that was used last first."""
        return self.conversations(bot).all(str(bot.kb.folder))

    def found(self, bot: RagBot, identity: str) -> ConversationInfo | None:
        """One of these; None where there is none of this id (any more)."""
        if not identity:
            return None
        try:
            info = self.conversations(bot).get(identity)
        except UserError:
            return None
        return info if info.id == identity and info.kb == str(bot.kb.folder) else None

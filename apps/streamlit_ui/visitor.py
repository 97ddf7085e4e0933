"""Who looks at a page: what they may do, the language they read, and what they said before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps.api.principal import Principal
from apps.streamlit_ui.site import Site, current
from apps.streamlit_ui.words import say
from ragbot.errors import RagbotError, UserError
from ragbot.index.filters import Filter
from ragbot.showing.words import language_of
from ragbot.workspace.conversations import Conversations
from ragbot.workspace.store import Workspace

if TYPE_CHECKING:
    from ragbot.bot import RagBot

#: Where the name of the chosen knowledge base is, in the state of the browser's tab.
KB = "kb"
#: Where the name of one waits that is to be chosen before the page is drawn again.
NEXT_KB = "kb_next"
#: Where what went wrong in a button's callback waits to be told.
TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person at the page."""

    site: Site
    principal: Principal
    language: str

    def say(self, key: str, **values: object) -> str:
        """A text of the page in their language."""
        return say(self.language, key, **values)

    def may(self, scope: str) -> bool:
        """Whether they may do what takes ``read``, ``write`` or ``admin``."""
        return scope in self.principal.scopes

    @property
    def is_owner(self) -> bool:
        """Whether nothing is kept from them: without a key, or with one that opens everything."""
        who = self.principal
        return self.may("admin") and who.knowledge_bases is None and who.groups is None

    @property
    def workspace(self) -> Workspace:
        """Where their conversations and runs are."""
        return self.site.people.workspace(self.principal.owner)

    def conversations(self, bot: RagBot) -> Conversations:
        """Theirs; answers from documents that they may not see (any more) are withheld."""
        return bot.conversations_of(self.workspace, self.where())

    def where(self, condition: Filter | None = None) -> Filter:
        """``condition`` for what they may see."""
        return self.principal.where(condition)

    def knowledge_bases(self) -> list[str]:
        """The names of those that they may use."""
        mine = self.principal.knowledge_bases
        return [name for name in self.site.bots.names() if mine is None or name in mine]

    @property
    def kb(self) -> str:
        """The one that is chosen.

        Raises:
            UserError: there is none that they may use.
        """
        names = self.knowledge_bases()
        chosen = st.session_state.get(KB)
        if chosen in names:
            return str(chosen)
        if not names:
            raise UserError(self.say("no_kb"))
        default = self.site.bots.default
        return default if default in names else names[0]

    @contextmanager
    def using(self, scope: str = "read", name: str | None = None) -> Iterator[RagBot]:
        """The chosen knowledge base, open as long as this lasts.

        Args:
            scope: what is going to be done: ``read``, ``write`` or ``admin``.
            name: another one.

        Raises:
            UserError: it is none of theirs, or their key does not allow it.
            KnowledgeBaseError: it cannot be used.
        """
        name = self.kb if name is None else name
        if name not in self.knowledge_bases():
            raise UserError(self.say("kb_gone", name=name[:80]))
        if not self.may(scope):
            raise UserError(self.say("may_not", scope=scope))
        with self.site.bots.using(name) as bot:
            yield bot


def visitor() -> Visitor:
    """Who runs this script.

    Raises:
        UserError: keys are asked for, and there is no valid one behind the connection (any more).
    """
    site = current()
    headers = st.context.headers
    language = language_of(headers.get("accept-language") or st.context.locale, site.settings.language)
    principal = site.login.principal(headers.get("cookie", ""))
    if principal is None:
        raise UserError(say(language, "logged_out"))
    return Visitor(site, principal, language)


def still(call: Callable[..., object], scope: str = "read") -> Callable[..., None]:
    """``call`` for a button: Streamlit runs it before the page is drawn anew, and so before anybody is asked for.

    Nothing is done where the key behind the connection is not valid any more, or does not allow it; what goes wrong is
    told at the top of the page.
    """

    def checked(*args: Any) -> None:
        try:
            if visitor().may(scope):
                call(*args)
        except RagbotError as error:
            st.session_state[TROUBLE] = str(error)

    return checked

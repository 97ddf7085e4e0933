"""The methods of :class:`ragbot.RagBot` that make agents, and agents where there is no knowledge base."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.composing.conversations import ConversationKeeper
from ragbot.documents import Answer
from ragbot.generation.chat_models import chat_model
from ragbot.generation.choice import settled
from ragbot.index.filters import Filter
from ragbot.retrieval.retriever import HybridRetriever
from ragbot.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

    from agents.policy import ConsentCallback
    from agents.react import Agent
    from agents.runs import RunStore
    from ingest.web.reading import WebReader
    from ragbot.workspace.agent_runs import AgentRuns


class AgentMaker(ConversationKeeper):
    """Agents over a knowledge base, and their runs."""

    retriever: HybridRetriever
    ask: Callable[..., Answer]

    def agent(
        self,
        tools: Sequence[str | BaseTool] | None = None,
        *,
        allow: Sequence[str] = (),
        consent: ConsentCallback | None = None,
        language: str = "en",
        tables: Sequence[Path] = (),
        more: Sequence[BaseTool] = (),
        store: RunStore | None = None,
        where: Filter | None = None,
    ) -> Agent:
        """An agent that answers with tools, the knowledge base among them; it lives as long as this bot.

        Args:
            tools: names (``calculator``, ``kb``, …), or any LangChain tools; default: ``agent.tools`` of the settings.
            allow: tools that may use the network, write or execute without being asked about.
            consent: asks the person about the others; None: nobody can be asked, and they are not called.
            language: of what tools say where a call is in no language (``en``, ``zh``).
            tables: CSV, XLSX, Parquet or SQLite files for the tool ``tables``.
            more: tools beside these (an MCP server's).
            store: where runs are kept; default: the workspace of the settings.
            where: the documents that it may search and read; default: all.

        Raises:
            UserError: a tool cannot be had.
            ModelNotFoundError, MissingExtraError: the chat model cannot be had.
            CorruptError, NewerVersionError, StorageError: the workspace in ``data_dir`` cannot be used.
        """
        from agents.assembly import available, make_agent, suited
        from agents.toolbox import Parts

        model, name = self._agent_model
        parts = Parts(self.settings, language, self.kb, self.retriever, lambda: self._pages, tuple(tables), self.ask)
        parts = suited(parts, name)
        if where is not None:
            from agents.restricted import restricted, restricted_tools

            parts = restricted(parts, where, lambda question, seen: self.ask(question, where=seen))
            named = [*available(self.settings, parts)] if tools is None else list(tools)
            tools = [
                tool
                for one in named
                for tool in (restricted_tools([one], parts, where) if isinstance(one, str) else [one])
            ]
        store = store or self.agent_runs
        return make_agent(model, parts, tools, more=more, allow=allow, consent=consent, store=store, name=name)

    @cached_property
    def agent_runs(self) -> AgentRuns:
        """The runs of the agent in the workspace of the settings."""
        from ragbot.workspace.agent_runs import AgentRuns

        return AgentRuns(self.conversations.workspace)

    @cached_property
    def _agent_model(self) -> tuple[BaseChatModel, str]:
        from agents.models import agent_llm

        chosen = agent_llm(self._llm, self.settings.agent.llm)
        if chosen == self._llm:
            return self._chat_model(), self.llm
        return chat_model(str(chosen), self.settings), str(chosen)

    @cached_property
    def _pages(self) -> WebReader:
        return _page_reader(self.settings)


@contextmanager
def agent_without_kb(
    settings: Settings,
    tools: Sequence[str | BaseTool] | None = None,
    *,
    allow: Sequence[str] = (),
    consent: ConsentCallback | None = None,
    language: str = "en",
    tables: Sequence[Path] = (),
    more: Sequence[BaseTool] = (),
    store: RunStore | None = None,
) -> Iterator[Agent]:
    """An agent where there is no knowledge base; arguments and errors are those of :meth:`RagBot.agent`."""
    from agents.assembly import make_agent
    from agents.models import agent_llm
    from agents.toolbox import Parts

    chosen = str(agent_llm(settled(settings.llm), settings.agent.llm))
    model = chat_model(chosen, settings)
    with _page_reader(settings) as pages:
        parts = Parts(settings, language, pages=lambda: pages, tables=tuple(tables))
        yield make_agent(model, parts, tools, more=more, allow=allow, consent=consent, store=store, name=chosen)


def _page_reader(settings: Settings) -> WebReader:
    from ingest.web.reading import WebReader

    return WebReader(settings.ingest.user_agent, settings.web.private_hosts)

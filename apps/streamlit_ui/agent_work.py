"""Runs of the agent for a visitor: over what they may see, with consent asked on the page as far as their key allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from agents.policy import ConsentCallback, ConsentRequest
from agents.tools.base import Effect
from apps.streamlit_ui.visitor import Visitor
from ragbot.composing.agent_sessions import AgentSession, Begin
from ragbot.documents import Message
from ragbot.index.filters import Filter
from ragbot.workspace.agent_runs import AgentRuns

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from agents.react import AgentStream
    from ragbot.bot import RagBot

#: The tools of MCP servers, as a name among the others.
MCP = "mcp"


def start(
    who: Visitor,
    kb: str,
    question: str,
    *,
    history: Sequence[Message] = (),
    where: Filter | None = None,
    tools: Sequence[str] | None = None,
    resume: str = "",
    purpose: str = "",
) -> AgentSession:
    """Begin a run; it goes on in a thread of its own.

    Args:
        kb: the name of the knowledge base.
        where: the documents that it may search.
        tools: names; None for those of the settings.
        resume: the id of a run that was cut off, to go on with it.
        purpose: what tells the run from the visitor's others: the id of a conversation.

    Raises:
        UserError: the question is empty, or too many runs are at work.
    """
    begin = _begin(who, kb, question, history, where or Filter(), tools, resume)
    return who.site.sessions.start(begin, question, who.language, owner_of(who, purpose))


def tools_for(who: Visitor, bot: RagBot) -> list[str]:
    """The names of the tools that the visitor can choose; those of MCP servers take who may do everything here."""
    named = [name for name in bot.settings.agent.tools if name not in {MCP, "tables"}]
    servers = bool(bot.settings.mcp.servers) and find_spec("mcp") is not None and who.may("admin")
    return [*named, *([MCP] if servers else [])]


def owner_of(who: Visitor, purpose: str = "") -> str:
    """What the visitor's runs are found under."""
    return f"{who.principal.owner} {purpose}"


def _begin(
    who: Visitor,
    kb: str,
    question: str,
    history: Sequence[Message],
    where: Filter,
    tools: Sequence[str] | None,
    resume: str,
) -> Begin:
    @contextmanager
    def begin(ask: ConsentCallback) -> Iterator[AgentStream]:
        seen = who.where(where)
        with who.site.bots.using(kb) as bot:
            offered = tools_for(who, bot)
            chosen = offered if tools is None else [name for name in tools if name in offered]
            with _outside(who, bot, chosen) as more:
                agent = bot.agent(
                    [name for name in chosen if name != MCP],
                    consent=_limited(who, ask),
                    language=who.language,
                    more=more,
                    store=AgentRuns(who.workspace),
                    where=None if seen.empty else seen,
                )
                yield agent.resume(resume) if resume else agent.stream(question, history)

    return begin


def _limited(who: Visitor, ask: ConsentCallback) -> ConsentCallback:
    """A key allows here what it does for programs: what reaches the network takes ``write``, what changes or executes
    something ``admin``. Nobody is asked about what their key does not allow; it is not done."""

    def asked(request: ConsentRequest) -> bool:
        scope = "admin" if request.effects & {Effect.WRITE, Effect.EXECUTE} else "write"
        return (not request.effects or who.may(scope)) and ask(request)

    return asked


@contextmanager
def _outside(who: Visitor, bot: RagBot, chosen: Sequence[str]) -> Iterator[Sequence[BaseTool]]:
    """The tools of the MCP servers in the settings, where they were chosen."""
    if MCP not in chosen:
        yield ()
        return
    from agents.mcp.client.tools import McpTools

    with McpTools(bot.settings.mcp.servers, who.language) as found:
        yield found.tools

"""A run of the agent for a visitor: with the tools that they chose, and with no more than they may do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.util import find_spec

from agents.policy import ConsentCallback, ConsentRequest
from agents.react import AgentStream
from agents.tools.base import Effect
from apps.gradio_ui.site import Visitor
from apps.gradio_ui.text import say, texts
from ragbot.composing.agent_sessions import Begin
from ragbot.workspace.agent_runs import AgentRuns

#: What only those may consent to who may do everything.
_CHANGES = {Effect.WRITE, Effect.EXECUTE}


def tools_for(visitor: Visitor) -> list[tuple[str, str]]:
    """The tools that can be chosen here: what a person calls each, and its name."""
    settings = visitor.site.settings
    named = [name for name in settings.agent.tools if name not in {"tables", "mcp"}]
    if settings.mcp.servers and find_spec("mcp") and visitor.may("admin"):
        named.append("mcp")
    known = texts("en")
    return [
        (say(visitor.language, f"agent_tool_{name}") if f"agent_tool_{name}" in known else name, name) for name in named
    ]


def runs_of(visitor: Visitor) -> AgentRuns:
    """The runs that are kept of a visitor."""
    return AgentRuns(visitor.workspace)


def beginning(visitor: Visitor, kb: str, tools: Sequence[str], question: str = "", run: str = "") -> Begin:
    """Begins a run, or goes on with ``run``, when a session calls it.

    Nobody can be asked where the key is for reading alone; what changes or executes something takes the scope admin,
    as it does with ``ragbot serve``.
    """
    offered = {name for _, name in tools_for(visitor)}
    chosen = [name for name in tools if name in offered]

    def begin(consent: ConsentCallback) -> AbstractContextManager[AgentStream]:
        return _begun(visitor, kb, chosen, question, run, bounded(visitor, consent))

    return begin


@contextmanager
def _begun(
    visitor: Visitor, kb: str, tools: Sequence[str], question: str, run: str, consent: ConsentCallback | None
) -> Iterator[AgentStream]:
    from agents.mcp.client.tools import McpTools

    everything = visitor.principal.groups is None
    with ExitStack() as stack:
        bot = stack.enter_context(visitor.using(kb))
        servers = visitor.site.settings.mcp.servers if "mcp" in tools else {}
        outside = stack.enter_context(McpTools(servers, visitor.language)).tools if servers else []
        agent = bot.agent(
            [name for name in tools if name != "mcp"],
            consent=consent,
            language=visitor.language,
            more=outside,
            store=runs_of(visitor),
            where=None if everything else visitor.where(),
        )
        yield agent.resume(run) if run else agent.stream(question)


def bounded(visitor: Visitor, consent: ConsentCallback) -> ConsentCallback | None:
    """What asks a visitor: not about what they may not allow."""
    if not visitor.may("write"):
        return None
    if visitor.may("admin"):
        return consent

    def ask(request: ConsentRequest) -> bool:
        return not request.effects & _CHANGES and consent(request)

    return ask

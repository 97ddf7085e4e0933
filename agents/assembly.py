"""An agent as the settings say: tools by name, the policy, the limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from langchain_core.tools import BaseTool

from agents.budgets import Budget
from agents.models import FEW_PASSAGES, PASSAGES, is_small
from agents.policy import ConsentCallback, Policy, rules_of
from agents.react import Agent, AgentOptions
from agents.runs import RunStore
from agents.toolbox import Parts, make_tools, tool_names
from ragbot.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


def make_agent(
    model: BaseChatModel,
    parts: Parts,
    tools: Sequence[str | BaseTool] | None = None,
    *,
    more: Sequence[BaseTool] = (),
    allow: Sequence[str] = (),
    consent: ConsentCallback | None = None,
    store: RunStore | None = None,
    options: AgentOptions | None = None,
    name: str = "",
) -> Agent:
    """An agent.

    Args:
        model: any LangChain chat model.
        parts: what tools are made of, and the settings.
        tools: names of the toolbox, or any LangChain tools; default: ``agent.tools`` of the settings, as far as they can be
            had here.
        more: tools beside these (an MCP server's).
        allow: tools that may do what they do without being asked about, unless a rule denies them.
        consent: asks the person.
        store: where runs are kept; default: in memory.
        options: instead of those of the settings.
        name: the model's.

    Raises:
        UserError: a tool that was named cannot be had.
        SettingsError: a protocol that the model does not have, a rule that is none.
    """
    settings = parts.settings
    options = options or options_of(settings, name)
    parts = suited(parts, name)
    wanted: list[str | BaseTool] = [*available(settings, parts)] if tools is None else [*tools]
    if parts.ask is not None and (options.plan or options.route != "never"):
        wanted.append("ask_documents")
    made: list[BaseTool] = []
    for tool in wanted:
        made += make_tools([tool], parts) if isinstance(tool, str) else [tool]
    policy = Policy(rules_of({tool_names(key): rule for key, rule in settings.agent.rules.items()}))
    return Agent(
        model,
        _once([*made, *more]),
        options=options,
        policy=policy.allowing(*map(tool_names, allow)),
        consent=consent,
        store=store,
        name=name,
    )


def suited(parts: Parts, name: str) -> Parts:
    """``parts`` with as many passages a search as the settings say for the model ``name``."""
    chosen = parts.settings.agent.passages or (FEW_PASSAGES if is_small(name) else PASSAGES)
    return replace(parts, passages=chosen)


def available(settings: Settings, parts: Parts) -> list[str]:
    """The tools of the settings without those that nothing is there for."""
    missing = {"kb", "ask_documents"} if parts.kb is None else set()
    missing |= {"fetch"} if parts.pages is None else set()
    missing |= set() if parts.tables else {"tables"}
    chosen = [name for name in settings.agent.tools if name not in {*missing, "mcp"}]
    return [*chosen, *(["tables"] if parts.tables and "tables" not in chosen else [])]


def options_of(settings: Settings, name: str = "") -> AgentOptions:
    """How runs are made, as the settings say for the model ``name``."""
    chosen = settings.agent
    thoughts = not is_small(name) if chosen.thoughts == "auto" else chosen.thoughts
    budget = Budget(chosen.max_steps, chosen.max_tokens, chosen.max_seconds, chosen.max_calls)
    return AgentOptions(
        budget,
        chosen.protocol,
        chosen.constrained,
        thoughts,
        narrow=is_small(name) if chosen.narrow == "auto" else chosen.narrow,
        language=settings.language,
        reply_tokens=chosen.reply_tokens,
        plan=chosen.plan,
        route=chosen.route,
    )


def _once(tools: list[BaseTool]) -> list[BaseTool]:
    """Tools that two names of the toolbox brought in, once; two different ones of a name are an error of the agent."""
    found: dict[tuple[str, str], BaseTool] = {}
    for tool in tools:
        found.setdefault((tool.name, tool.description), tool)
    return list(found.values())

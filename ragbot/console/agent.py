"""``ragbot agent``: a run in the terminal, a run shown again, the runs that are kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbot.console.agent_labels import LABELS, AgentLabels, agent_labels
from ragbot.console.knowledge import CATALOG
from ragbot.console.labels import LABELS as PLACES
from ragbot.console.options import INTERRUPTED, AnswerOptions, Options
from ragbot.console.render import place, snippet
from ragbot.errors import UserError
from ragbot.text import answer_language

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from agents.policy import ConsentCallback, ConsentRequest
    from agents.react import Agent, AgentStream
    from agents.runs import AgentRun
    from agents.steps import FinalAnswer, Step
    from ragbot.console.terminal import Terminal
    from ragbot.settings import Settings
    from ragbot.workspace.agent_runs import AgentRuns


@dataclass(frozen=True)
class Request:
    """What the command line asks for; ``tools`` is None for those of the settings."""

    question: str | None
    tools: tuple[str, ...] | None = None
    allow: tuple[str, ...] = ()
    yes: bool = False
    tables: tuple[Path, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    resume: str | None = None
    replay: str | None = None


def run(options: AnswerOptions, request: Request) -> int:
    """Answer, go on, or show again; returns the exit code."""
    from ragbot.settings import load_settings

    chosen = [word for word in (request.question, request.resume, request.replay) if word is not None]
    if len(chosen) != 1 or not chosen[0].strip():
        raise UserError('give one of: a question in quotes (ragbot agent "…"), --resume RUN, --replay RUN')
    settings = load_settings({**options.arguments(), **request.settings}, options.config)[0]
    with _store(settings) as store:
        if request.replay is not None:
            return _replayed(options.terminal, store, request.replay)
        language = _language(settings, store, request)
        labels = LABELS[language]
        with ExitStack() as stack:
            agent = stack.enter_context(_agent(options, settings, request, store, labels, language))
            stream = agent.resume(request.resume) if request.resume is not None else agent.stream(chosen[0])
            return _shown(options.terminal, stream, labels)


def runs(options: Options, limit: int, delete: Sequence[str]) -> None:
    """List the runs, or delete some."""
    from ragbot.settings import load_settings

    settings = load_settings(options.arguments(), options.config)[0]
    labels, terminal = agent_labels(settings), options.terminal
    with _store(settings) as store:
        if delete:
            found = list(dict.fromkeys(map(store.resolve, delete)))
            store.delete(found)
            if terminal.as_json:
                terminal.json({"deleted": found})
            else:
                terminal.line(labels.deleted.format(", ".join(found)))
            return
        listed = store.all(limit)
    if terminal.as_json:
        terminal.json({"runs": listed})
    elif not listed:
        terminal.line(labels.none)
    else:
        states = {
            "done": labels.done,
            "running": labels.running,
            "interrupted": labels.stopped,
            "failed": labels.failed,
        }
        rows = [
            (
                row["id"],
                row["updated"][:16].replace("T", " "),
                states.get(row["state"], row["state"]),
                labels.steps.format(row["steps"]),
                snippet(row["question"])[:80],
            )
            for row in listed
        ]
        terminal.columns(rows)


# -- making it -------------------------------------------------------------------------------------------------------


@contextmanager
def _store(settings: Settings) -> Iterator[AgentRuns]:
    from ragbot.workspace.agent_runs import AgentRuns
    from ragbot.workspace.opening import workspace_path
    from ragbot.workspace.store import Workspace

    workspace = Workspace(workspace_path(settings))
    try:
        yield AgentRuns(workspace)
    finally:
        workspace.close()


def _language(settings: Settings, store: AgentRuns, request: Request) -> str:
    if request.resume is not None:
        return str(store.head(request.resume).get("language", "en"))
    return answer_language(request.question or "") if settings.language == "auto" else settings.language


@contextmanager
def _agent(
    options: AnswerOptions,
    settings: Settings,
    request: Request,
    store: AgentRuns,
    labels: AgentLabels,
    language: str,
) -> Iterator[Agent]:
    """The agent over the knowledge base of the settings, or without one where there is none."""
    from ragbot.composing.agents import agent_without_kb
    from ragbot.console.knowledge import opened_bot

    terminal = options.terminal
    consent = _consent(terminal, labels, language)
    wants_kb = "kb" in (settings.agent.tools if request.tools is None else request.tools)
    there = (settings.kb_path() / CATALOG).is_file()
    common: dict[str, Any] = {
        "tools": None if request.tools is None else [name for name in request.tools if name != "mcp"],
        "allow": ("*",) if request.yes else request.allow,
        "consent": consent,
        "language": language,
        "tables": request.tables,
        "store": store,
    }
    with ExitStack() as stack:
        if settings.mcp.servers and (request.tools is None or "mcp" in request.tools):
            common["more"] = stack.enter_context(_mcp_tools(terminal, settings, language))
        if (wants_kb and there) or (request.tools is not None and "kb" in request.tools):
            bot = stack.enter_context(opened_bot(options, settings))
            with terminal.working("loading the chat model …"):
                made = bot.agent(**common)
        else:
            if wants_kb:
                terminal.note(labels.no_kb.format(settings.kb))
            with terminal.working("loading the chat model …"):
                made = stack.enter_context(agent_without_kb(settings, **common))
        yield made


@contextmanager
def _mcp_tools(terminal: Terminal, settings: Settings, language: str) -> Iterator[Sequence[BaseTool]]:
    """The tools of the MCP servers in the settings; a server that is away is a note."""
    from agents.mcp.client.tools import McpTools

    with McpTools(settings.mcp.servers, language) as found:
        for name, reason in found.failures.items():
            terminal.note(f"mcp {name}: {reason}")
        yield found.tools


def _consent(terminal: Terminal, labels: AgentLabels, language: str) -> ConsentCallback | None:
    """Asks on the terminal; None where nobody sits at it."""
    if terminal.as_json or not _at_the_terminal():
        return None
    from agents.asking import reasons
    from agents.steps import Action

    def ask(request: ConsentRequest) -> bool:
        call = Action(tool=request.tool, arguments=request.arguments).line(language)
        terminal.err.print()
        _tell(terminal, labels.asks.format(call))
        for name, value in request.arguments.items():
            _tell(terminal, f"  {name}: {value}")
        for reason in reasons(request, language):
            _tell(terminal, f"  - {reason}")
        terminal.err.print(labels.allow, end="")
        return sys.stdin.readline().strip().casefold() in labels.yes

    return ask


def _at_the_terminal() -> bool:
    return sys.stdin.isatty()


def _tell(terminal: Terminal, text: str) -> None:
    """A line on standard error that --quiet does not silence: the question behind it has to be understood."""
    from rich.text import Text

    from ragbot.console.terminal import clean

    terminal.err.print(Text(clean(text)), soft_wrap=True)


# -- showing it ------------------------------------------------------------------------------------------------------


def _shown(terminal: Terminal, stream: AgentStream, labels: AgentLabels) -> int:
    language = stream.run.language
    try:
        with closing(stream):
            for step in stream:
                if not terminal.as_json:
                    show_step(terminal, step, language)
    except KeyboardInterrupt:
        terminal.fail("Interrupted", labels.interrupted.format(stream.id))
        return INTERRUPTED
    if terminal.as_json:
        terminal.json(as_json(stream.run))
    else:
        terminal.note(labels.kept.format(stream.id, stream.id))
    return _code(stream.run)


def _replayed(terminal: Terminal, store: AgentRuns, name: str) -> int:
    from agents.replay import recorded

    found = recorded(store, name)
    if terminal.as_json:
        terminal.json(as_json(found))
        return _code(found)
    terminal.line(found.question, "bold")
    for step in found.steps:
        show_step(terminal, step, found.language)
    if found.answer is None:
        terminal.note(found.error or LABELS[found.language].interrupted.format(found.id))
    return _code(found)


def show_step(terminal: Terminal, step: Step, language: str) -> None:
    """A step on standard error, the answer with its sources on standard output."""
    from agents.steps import FinalAnswer, Observation

    if isinstance(step, FinalAnswer):
        _answer(terminal, step, language)
    elif terminal.verbose and isinstance(step, Observation):
        terminal.note(step.text)
    else:
        terminal.note(step.line(language))


def _answer(terminal: Terminal, answer: FinalAnswer, language: str) -> None:
    from ragbot.console.render import unsupported

    labels, places = LABELS[language], PLACES[language]
    terminal.line(answer.text)
    if answer.outcome == "best":
        terminal.note(labels.ended.format(answer.reason))
    unsupported(terminal, answer.claims, language)
    if answer.sources:
        terminal.line()
        terminal.line(labels.sources, "bold")
    for source in answer.sources:
        found = source.citation
        where = place(found.title, found.source, found.page, found.heading, places) if found else source.tool
        terminal.line(f"[{source.marker}] {where}", hang=4)
        terminal.line(source.quote if found else snippet(source.quote), "dim", indent=4)


def as_json(run: AgentRun) -> dict[str, Any]:
    """A run as the one JSON object of a command."""
    answer = run.answer.as_json() if run.answer else {}
    return {
        "run": run.id,
        "question": run.question,
        "language": run.language,
        "state": run.state,
        "text": run.text,
        "outcome": answer.get("outcome"),
        "reason": answer.get("reason", ""),
        "sources": answer.get("sources", []),
        "claims": answer.get("claims", []),
        "tokens": run.tokens,
        "steps": [step.as_json() for step in run.steps],
    }


def _code(run: AgentRun) -> int:
    return 0 if run.answer is not None and run.answer.outcome != "refused" else 1

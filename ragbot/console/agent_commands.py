"""The commands ``ragbot agent …``; what they do is in :mod:`ragbot.console.agent`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ragbot.console.options import AnswerOptions, Options, command

#: What is meant where no command is named: ``ragbot agent "…"`` is ``ragbot agent run "…"``.
_DEFAULT = "run"


class _AskByDefault(TyperGroup):
    """A group whose commands may be left out for a question."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in {"-h", "--help"}:
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


agent_app = typer.Typer(
    cls=_AskByDefault,
    help="An agent that answers with tools: calculator, documents, weather, web. ragbot agent QUESTION asks it.",
    epilog='Example: ragbot agent --tools calculator,kb "…"  (all options: ragbot agent run --help)',
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@agent_app.command("run")
@command
def agent_run(
    options: AnswerOptions,
    question: Annotated[
        str | None, typer.Argument(metavar="[QUESTION]", help="What is to be done, in quotes.", show_default=False)
    ] = None,
    tools: Annotated[
        str | None,
        typer.Option(
            "--tools",
            metavar="NAMES",
            help="Its tools, by commas: calculator, clock, units, kb, tables, weather, web_search, fetch, python, mcp; or none.",
        ),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="NAME",
            help="Tool that may use the network, write or execute without asking; repeatable. What texts of others bring in is asked about all the same.",
        ),
    ] = None,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="The same for every tool that is not denied."),
    ] = False,
    table: Annotated[
        list[Path] | None,
        typer.Option(
            "--table", metavar="FILE", help="CSV, XLSX, Parquet or SQLite file that it may query; repeatable."
        ),
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option("--max-steps", min=1, max=100, metavar="N", help="Replies of the model, at most.")
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option("--max-seconds", min=0.0, metavar="N", help="Seconds that it may take.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", metavar="NAME", help="How tools are called: auto, native, text."),
    ] = None,
    plan: Annotated[
        bool | None,
        typer.Option(
            "--plan/--no-plan",
            help="Take the question apart first, and ask the documents part by part.",
            show_default=False,
        ),
    ] = None,
    route: Annotated[
        str | None,
        typer.Option("--route", metavar="NAME", help="Decide first if tools are needed: never, rules, model."),
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with a run that was cut off.")
    ] = None,
    replay: Annotated[
        str | None, typer.Option("--replay", metavar="RUN", help="Show a run again, without model and tools.")
    ] = None,
) -> int:
    """Let the agent work on a question, step by step, with tools.

    Calls that use the network, write or execute are asked about first, unless they are allowed by --allow or the settings
    (agent.rules). Every step is kept (ragbot agent runs); Ctrl-C stops, and --resume goes on. The exit code is 1 where
    it has found no answer.
    """
    from ragbot.console import agent

    names = None if tools is None else [name.strip() for name in tools.split(",") if name.strip()]
    return agent.run(
        options,
        agent.Request(
            question,
            None if names is None else tuple(name for name in names if name != "none"),
            tuple(allow or ()),
            yes,
            tuple(table or ()),
            {
                "agent.max_steps": max_steps,
                "agent.max_seconds": max_seconds,
                "agent.protocol": protocol,
                "agent.plan": plan,
                "agent.route": route,
            },
            resume,
            replay,
        ),
    )


@agent_app.command("runs")
@command
def agent_runs(
    options: Options,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, metavar="N", help="The most that are shown.", show_default=True)
    ] = 50,
    delete: Annotated[
        list[str] | None,
        typer.Option("--delete", metavar="RUN", help="Delete this run for good instead; repeatable."),
    ] = None,
) -> None:
    """The runs that are kept, the last one first: id, time, state, steps, question."""
    from ragbot.console import agent

    agent.runs(options, limit, delete or ())

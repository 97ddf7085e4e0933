"""The commands ``ragbot models …``: options here, work in the modules beside it."""

from __future__ import annotations

from typing import Annotated

import typer

from ragbot.console.options import AnswerOptions, Options, command

models_app = typer.Typer(
    help="The models that can be used.",
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
)


@models_app.command("list")
@command
def models_list(options: AnswerOptions) -> None:
    """Embedders, rerankers and chat models: which can be used here, and what the others need."""
    from ragbot.console import knowledge, models

    options.terminal.show(models.models(knowledge.settings_of(options)), models.show)


@models_app.command("build")
@command
def models_build(options: Options) -> None:
    """Build the bundled models that the settings choose, now instead of at their first use (half a minute each)."""
    from ragbot.console import building

    building.build(options)


@models_app.command("bench")
@command
def models_bench(
    options: Options,
    embedder: Annotated[
        str | None,
        typer.Option(
            "--embedder", metavar="MODEL", help="Embedding model: bundled, provider:model, a folder or hub name."
        ),
    ] = None,
    reranker: Annotated[
        str | None,
        typer.Option("--reranker", metavar="MODEL", help="Reranking model, named in the same way."),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.01, max=600, metavar="N", help="Length of each of its measurements.")
    ] = 2.0,
) -> None:
    """How fast models are here: tokens a second, milliseconds a query, share of this machine's peak.

    Measured on Chinese and English passages, with 1 to all cores. Without an option it is the models that the settings
    choose. A model on a server is asked some dozen times.
    """
    from ragbot.console import bench

    bench.bench(options, embedder, reranker, seconds)

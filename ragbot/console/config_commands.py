"""The commands ``ragbot config …``: options here, work in :mod:`ragbot.console.config`."""

from __future__ import annotations

import typer

from ragbot.console.options import AnswerOptions, Options, command

config_app = typer.Typer(
    help="The settings, and where they come from.",
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
)


@config_app.command("show")
@command
def config_show(options: AnswerOptions) -> None:
    """Every setting, its value, and where that came from; secrets are masked."""
    from ragbot.console import config

    options.terminal.show(config.show(options), config.print_settings)


@config_app.command("path")
@command
def config_path(options: Options) -> None:
    """The settings file in use."""
    from ragbot.console import config

    options.terminal.show(config.path(options), config.print_path)

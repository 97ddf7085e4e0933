"""The commands ``ragbot conversations …``; what they do is in :mod:`ragbot.console.conversations`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragbot.console.options import KnowledgeBaseOptions, Options, command

conversations_app = typer.Typer(
    help="The conversations that are kept: find them, read them, take them along, delete them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Id = Annotated[
    str, typer.Argument(metavar="ID", help="Its id, or the beginning of it that no other one has.", show_default=False)
]
Limit = Annotated[
    int, typer.Option("--limit", "-n", min=1, metavar="N", help="The most that are shown.", show_default=True)
]


@conversations_app.command("list")
@command
def conversations_list(options: KnowledgeBaseOptions, limit: Limit = 50) -> None:
    """The conversations, the last used first: id, time, turns, knowledge base, title.

    With --kb, those with one knowledge base.
    """
    from ragbot.console import conversations

    conversations.listing(options, limit)


@conversations_app.command("show")
@command
def conversations_show(identity: Id, options: Options) -> None:
    """A conversation with the quotes behind its answers.

    With --json, also what was asked or answered anew and is not part of it any more.
    """
    from ragbot.console import conversations

    conversations.show(options, identity)


@conversations_app.command("search")
@command
def conversations_search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Words, in quotes.", show_default=False)],
    options: KnowledgeBaseOptions,
    limit: Limit = 20,
) -> None:
    """Find where something was said: all words have to stand in a question with its answer, or in the title.

    Case, accents, width, and traditional or simplified characters make no difference.
    """
    from ragbot.console import conversations

    conversations.find(options, query, limit)


@conversations_app.command("rename")
@command
def conversations_rename(
    identity: Id,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="The new title, in quotes.", show_default=False)],
    options: Options,
) -> None:
    """Give a conversation another title; the first one is its first question."""
    from ragbot.console import conversations

    conversations.rename(options, identity, title)


@conversations_app.command("export")
@command
def conversations_export(
    options: Options,
    identities: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]…", help="Which ones (default: all).", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", dir_okay=False, help="File to write (default: standard output)."
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="json (all of it), markdown (for people), or questions (the rated answers as a question set for ragbot "
            "eval); default: by the file's name (.md, .jsonl), else json.",
        ),
    ] = None,
) -> None:
    """Write conversations to a file: as a backup, to read, or to evaluate with.

    JSON comes back whole with `ragbot conversations import`; Markdown comes back without its quotes.
    """
    from ragbot.console import conversations

    conversations.export(options, identities or (), output, form)


@conversations_app.command("import")
@command
def conversations_import(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file of the export: JSON or Markdown.", show_default=False)
    ],
    options: Options,
) -> None:
    """Bring conversations in from such a file, all of them or none.

    Those that are there already are left as they are.
    """
    from ragbot.console import conversations

    conversations.import_(options, file)


@conversations_app.command("delete")
@command
def conversations_delete(
    options: Options,
    identities: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]…", help="Which ones.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --all: do not ask whether that is meant.")] = False,
) -> None:
    """Delete conversations for good: no byte of them is left.

    Their feedback and summaries go with them. Files that were exported stay.
    """
    from ragbot.console import conversations

    conversations.delete(options, identities or (), every, yes)

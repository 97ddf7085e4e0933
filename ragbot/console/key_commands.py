"""The commands ``ragbot keys …``; what they do is in :mod:`ragbot.console.keys`."""

from __future__ import annotations

from typing import Annotated

import typer

from ragbot.console.options import Options, command

keys_app = typer.Typer(
    help="Keys for the server and the pages: who may come in, and what they may do.",
    epilog="Example: ragbot keys create ann --scope write --kb papers --group board --expires 90d",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Named = Annotated[
    str,
    typer.Argument(metavar="KEY", help="Its id, the beginning of one, or its name.", show_default=False),
]


@keys_app.command("create")
@command
def keys_create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.", show_default=False)],
    options: Options,
    scope: Annotated[
        str,
        typer.Option(
            "--scope",
            metavar="NAME",
            help="read (search and ask), write (also bring in, change and remove documents), admin (also make and "
            "delete knowledge bases).",
        ),
    ] = "read",
    kb: Annotated[
        list[str] | None,
        typer.Option("--kb", metavar="NAME", help="Knowledge base that it opens (default: all); repeatable."),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            metavar="NAME",
            help="Name that its holder goes by in the access lists of documents; repeatable. Without one, only "
            "documents without a list are seen.",
        ),
    ] = None,
    all_documents: Annotated[
        bool, typer.Option("--all-documents", help="Let it see every document, whatever the access lists say.")
    ] = False,
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="TIME", help="End: 90d, 12h, or a day (default: none): YYYY-MM-DD."),
    ] = None,
    requests: Annotated[
        int | None,
        typer.Option("--requests", min=1, metavar="N", show_default=False, help="Requests a minute, at most."),
    ] = None,
    tokens: Annotated[
        int | None, typer.Option("--tokens", min=1, metavar="N", show_default=False, help="Tokens a minute, at most.")
    ] = None,
) -> None:
    """Make a key and print it, this one time: it is stored nowhere.

    Standard output gets the key and nothing else: KEY=$(ragbot keys create ann). From the first key on, the server lets
    nobody in without one, also after the last one was revoked.
    """
    from ragbot.console import keys
    from ragbot.workspace.keys_records import Rights

    rights = Rights(
        scope,  # type: ignore[arg-type]  # refused there, with the scopes that there are
        tuple(kb) if kb else None,
        None if all_documents else tuple(group or ()),
        requests,
        tokens,
    )
    keys.create(options, name, rights, expires, both=bool(all_documents and group))


@keys_app.command("list")
@command
def keys_list(
    options: Options,
    every: Annotated[bool, typer.Option("--all", help="Also those that are expired or revoked.")] = False,
) -> None:
    """The keys, the newest first: id, name, what they open, whose documents, end, last use (to the hour)."""
    from ragbot.console import keys

    keys.listing(options, every)


@keys_app.command("revoke")
@command
def keys_revoke(
    options: Options,
    names: Annotated[
        list[str],
        typer.Argument(metavar="KEY…", help="Ids, beginnings of ids, or names.", show_default=False),
    ],
) -> None:
    """Make keys open nothing from now on, in servers that are running too."""
    from ragbot.console import keys

    keys.revoke(options, names)


@keys_app.command("rotate")
@command
def keys_rotate(
    name: Named,
    options: Options,
    grace: Annotated[
        str | None,
        typer.Option("--grace", metavar="TIME", help="How long the old one goes on: 12h, 7d (default: not at all)."),
    ] = None,
) -> None:
    """Make a key in the place of another, with the same name, rights and end, and print it, this one time."""
    from ragbot.console import keys

    keys.rotate(options, name, grace)

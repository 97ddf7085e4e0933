"""The commands ``ragbot mcp …``: options here, work in :mod:`ragbot.console.mcp`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragbot.console.options import AnswerOptions, Options, command

mcp_app = typer.Typer(
    help="Model Context Protocol: ragbot's tools for other programs, and theirs for its agent.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@mcp_app.command("serve")
@command
def serve(
    options: AnswerOptions,
    http: Annotated[bool, typer.Option("--http", help="Over HTTP, instead of standard input and output.")] = False,
    host: Annotated[
        str,
        typer.Option(
            "--host", metavar="ADDRESS", help="With --http: address to listen on; others than this machine need a key."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="N", help="With --http: port; 0 takes a free one.")
    ] = 8765,
    ingest_from: Annotated[
        list[Path] | None,
        typer.Option(
            "--ingest-from",
            metavar="FOLDER",
            help="Clients may bring in what lies under this folder (default: nothing); repeatable.",
        ),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            metavar="NAME",
            help="What access lists of documents call the clients (default: they see every document); repeatable.",
        ),
    ] = None,
) -> int:
    """Serve a knowledge base to programs that speak the Model Context Protocol.

    Tools: search, ask (an answer with citations, or a refusal), list_documents, read_document, and with --ingest-from
    also ingest; documents are resources, too. Standard output belongs to the protocol; messages go to standard error.
    For another address than this machine's, set a key: RAGBOT_MCP__KEY.
    """
    from ragbot.console import mcp

    return mcp.serve(options, http, host, port, ingest_from or (), group)


@mcp_app.command("tools")
@command
def tools(options: Options) -> int:
    """The tools of the MCP servers in the settings ([mcp.servers]), and what they may do.

    Each server is started for it. The exit code is 1 if one cannot be used.
    """
    from ragbot.console import mcp

    found = mcp.tools(options)
    options.terminal.show(found, mcp.print_tools)
    return int(bool(found["failures"]))

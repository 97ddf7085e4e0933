"""``ragbot mcp``: ragbot as a server of the Model Context Protocol, and the servers whose tools the agent may use."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbot.console.knowledge import opened_bot, settings_of
from ragbot.console.options import AnswerOptions, Options
from ragbot.errors import MissingExtraError, SourceError, UserError

if TYPE_CHECKING:
    from ragbot.console.terminal import Terminal


def serve(
    options: AnswerOptions,
    http: bool,
    host: str,
    port: int,
    folders: Sequence[Path],
    groups: Sequence[str] | None = None,
) -> int:
    """Serve until standard input ends, or Ctrl-C; returns the exit code.

    Args:
        http: streamable HTTP, instead of standard input and output.
        host, port: where, with ``http``.
        folders: clients may bring in what lies under these; then the knowledge base is made if there is none.
        groups: what access lists call the clients; None: they see every document.

    Raises:
        MissingExtraError: the package mcp is not installed.
        SourceError: there is no knowledge base, or a folder is none.
        UserError: the address needs a key, or is taken; or both ``folders`` and ``groups`` are given.
    """
    from ragbot.index.access import access_list
    from ragbot.index.filters import Filter

    asking = None if groups is None else Filter(principals=access_list(groups))
    if asking is not None and folders:
        raise UserError(
            "--group together with --ingest-from would let clients replace documents that they may not see: leave one out"
        )
    if find_spec("mcp") is None:
        raise MissingExtraError("the MCP server", "mcp")
    for folder in folders:
        if not folder.expanduser().is_dir():
            raise SourceError(f"{folder} is no folder: --ingest-from takes folders that exist")
    settings, terminal = settings_of(options), options.terminal
    with opened_bot(options, settings, create=bool(folders)) as bot:
        with terminal.working("loading the chat model …"):
            _ = bot.chain  # what is wrong with it is said here, and not to the first client
        from agents.mcp.server.app import make_server
        from ragbot import __version__

        server = make_server(bot, [folder.expanduser() for folder in folders], __version__, asking)
        if http:
            from agents.mcp.server.http import serve_http

            key = settings.mcp.key.get_secret_value()
            serve_http(server, host, port, key, lambda url: _started(terminal, url, settings.kb))
        else:
            from agents.mcp.server.stdio import serve_stdio

            terminal.note("ragbot speaks MCP on standard input and output (Ctrl-C stops it)")
            serve_stdio(server)
    return 0


def tools(options: Options) -> dict[str, Any]:
    """The servers in the settings, and what they offer; one that does not start is listed with its reason.

    Raises:
        MissingExtraError: the package mcp is not installed.
    """
    from agents.mcp.client.tools import McpTools
    from agents.tools.base import traits_of

    settings = settings_of(options)
    with options.terminal.working("starting the servers …"), McpTools(settings.mcp.servers) as opened:
        rows = [
            {
                "server": tool.name.partition("__")[0],
                "name": tool.name,
                "effects": sorted(traits_of(tool).effects),
                "description": tool.description,
            }
            for tool in opened.tools
        ]
        return {"tools": rows, "failures": dict(opened.failures), "servers": list(settings.mcp.servers)}


def print_tools(terminal: Terminal, found: dict[str, Any]) -> None:
    """One tool a line."""
    if found["tools"]:
        terminal.columns([(row["name"], ",".join(row["effects"]) or "-", row["description"]) for row in found["tools"]])
    elif not found["servers"]:
        terminal.line("No MCP server is set up: [mcp.servers] in ragbot.toml names them.")
    for name, reason in found["failures"].items():
        terminal.note(f"failed: {name}: {reason}", style="red")


def _started(terminal: Terminal, url: str, kb: str) -> None:
    terminal.show({"url": url, "kb": kb}, lambda out, _: out.line(f"ragbot's MCP server is at {url} (Ctrl-C stops it)"))

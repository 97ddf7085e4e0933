"""``ragbot serve``: the OpenAI-compatible server."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from ragbot.console.options import AnswerOptions
from ragbot.errors import MissingExtraError

#: What the server is made of; the packages of the extra ``server``.
_NEEDED = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")


@dataclass(frozen=True, kw_only=True)
class ServeOptions(AnswerOptions):
    """Options of ``ragbot serve``."""

    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Address to listen on (default: 127.0.0.1); others than this machine need keys.",
        ),
    ] = None
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, metavar="N", help="Port (default: 8080; 0 takes a free one)."),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, max=64, metavar="N", help="Processes that answer, each with its own models."),
    ] = None
    log: Annotated[
        str | None,
        typer.Option("--log", metavar="FORM", help="Lines about requests on standard error: json, text, none."),
    ] = None

    def arguments(self) -> dict[str, Any]:
        """See :meth:`ragbot.console.options.Options.arguments`."""
        return {
            **super().arguments(),
            "server.host": self.host,
            "server.port": self.port,
            "server.workers": self.workers,
            "server.log": self.log,
        }


def serve(options: ServeOptions) -> int:
    """Serve until Ctrl-C; returns the exit code.

    Raises:
        MissingExtraError: the packages of the server are not installed.
        UserError: the address needs a key, or is taken.
    """
    for name in _NEEDED:
        if find_spec(name) is None:
            raise MissingExtraError("the server", "server")
    from ragbot.console.knowledge import settings_of, usable_folder

    settings, terminal = settings_of(options), options.terminal
    usable_folder(settings)
    from apps.api.serving import serve as run

    def started(address: str) -> None:
        told = {"url": f"{address}/v1", "docs": f"{address}/docs", "kb": settings.kb}
        terminal.show(
            told, lambda out, _: out.line(f"ragbot answers at {address}/v1 (Ctrl-C stops it); {address}/docs explains")
        )

    given = {key: value for key, value in options.arguments().items() if value is not None}
    terminal.note("loading the models …")
    run(settings, given, options.config, started)
    return 0

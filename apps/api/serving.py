"""The server on a socket: in this process, or in several that share it."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from apps.api import logs
from apps.api.app import create_app
from apps.api.metrics import FOLDER
from apps.ending import signals_end_it
from ragbot.errors import SettingsError, UserError
from ragbot.settings import Settings, load_settings
from ragbot.workspace.reach import check_reach

#: What worker processes are told of the command line: dotted keys and values, as JSON. Not a setting, and no secret.
ARGUMENTS = "_RAGBOT_SERVE"
#: Seconds without a sign of life after which a worker is taken for dead; a model may hold the interpreter for a while.
_DEAD = 120
#: Seconds that connections have to close once everything is answered, or its time is over.
_CLOSING = 2


def serve(
    settings: Settings, arguments: Mapping[str, Any], config: Path | None, started: Callable[[str], None]
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: all of them.
        arguments: those of the command line, by dotted key, and ``config``, the settings file: for worker processes.
        started: told the address.

    Raises:
        UserError: others can reach the address and there is no key, or it cannot be listened on.
    """
    server = settings.server
    check_reach(settings, server.host)
    with _listening(server.host, server.port) as listening:
        shown = f"[{server.host}]" if ":" in server.host else server.host
        address = f"http://{shown}:{listening.getsockname()[1]}"
        if server.workers == 1:
            logs.set_up(server.log)
            app = create_app(settings)
            warm_up(app)
            started(address)
            with signals_end_it():
                uvicorn.Server(_config(app)).run(sockets=[listening])
            return
        with _environment(arguments, config):
            started(address)
            with signals_end_it():
                Multiprocess(_config("apps.api.serving:worker", server.workers), sockets=[listening]).run()


def warm_up(app: FastAPI) -> None:
    """Open the default knowledge base (and make it if there is none), and load the models: what is wrong is said now.

    Raises:
        RagbotError: one of them cannot be used.
    """
    bots = app.state.bots
    if bots.default not in bots.names():
        bots.create(bots.default)
    with bots.using() as bot:
        _ = bot.chain
        bot.search("ragbot")


def worker() -> FastAPI:
    """The application of a worker process; uvicorn calls it by name."""
    told = json.loads(os.environ.get(ARGUMENTS, "{}"))
    if not isinstance(told, dict):
        raise SettingsError(f"{ARGUMENTS} is not what ragbot serve wrote")
    config = told.get("config")
    settings, _ = load_settings(told.get("arguments", {}), Path(config) if config else None)
    logs.set_up(settings.server.log, everything=True)
    app = create_app(settings)
    warm_up(app)
    return app


def _config(app: FastAPI | str, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        # Who calls is told by the key; the address in a header is what a caller claims.
        proxy_headers=False,
        timeout_graceful_shutdown=_CLOSING,
        timeout_worker_healthcheck=_DEAD,
    )


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        made = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
        )
    except (OSError, OverflowError) as error:
        raise UserError(
            f"cannot listen on {host}:{port} ({error}): choose another with --port, or 0 for a free one"
        ) from error
    with made:
        made.set_inheritable(True)
        yield made


@contextmanager
def _environment(arguments: Mapping[str, Any], config: Path | None) -> Iterator[None]:
    """What worker processes find: the command line, and a folder for their figures."""
    with tempfile.TemporaryDirectory(prefix="ragbot-metrics-") as folder:
        told = {"arguments": dict(arguments), "config": str(config.absolute()) if config else None}
        mine = {ARGUMENTS: json.dumps(told), FOLDER: folder}
        before = {name: os.environ.get(name) for name in mine}
        os.environ.update(mine)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

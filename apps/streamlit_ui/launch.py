"""Serves the Streamlit app: a guard and a login in front of it, Streamlit's own server nowhere."""

from __future__ import annotations

import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.api.bots import Bots
from apps.ending import signals_end_it
from apps.streamlit_ui.options import options
from apps.streamlit_ui.site import Site, offer
from ragbot.errors import UserError
from ragbot.workspace.reach import check_reach

if TYPE_CHECKING:
    from streamlit.starlette import App

#: The script that Streamlit runs for every page.
SCRIPT = Path(__file__).with_name("app.py")
#: Seconds that open pages have to close when the server is stopped, and between signs of life of a connection.
_CLOSING, _PING = 2, 30


def serve(
    bots: Bots,
    host: str = "127.0.0.1",
    port: int = 7860,
    open_browser: bool = False,
    started: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        bots: the knowledge bases.
        port: 0 takes a free one.
        started: told the address, once the page can be loaded.

    Raises:
        UserError: others can reach ``host`` and there is no key, or it cannot be listened on.
    """
    import uvicorn

    with _listening(host, port) as listening, _site(bots, host) as site:
        app = made(site, host, listening.getsockname()[1])
        warm_up()
        server = uvicorn.Server(_config(app))
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}/"
        threading.Thread(target=_tell, args=(server, address, open_browser, started), daemon=True).start()
        with signals_end_it():
            server.run(sockets=[listening])


def made(site: Site, host: str, port: int) -> App:
    """The ASGI application over ``site``."""
    from starlette.middleware import Middleware
    from streamlit.starlette import App
    from streamlit.web import bootstrap

    from apps.door.gate import Gate
    from apps.door.hosts import HostGuard

    bootstrap.load_config_options(options(site.settings, host, port))
    guards = [
        Middleware(HostGuard, bound=host, hosts=site.settings.server.allowed_hosts),
        Middleware(Gate, login=site.login, language=site.settings.language),
    ]
    return App(SCRIPT, middleware=guards)


def warm_up() -> None:
    """Import what the pages are made of: the first visitor should not wait for it."""
    import_module(f"{__package__}.app")


@contextmanager
def _site(bots: Bots, host: str) -> Iterator[Site]:
    check_reach(bots.settings, host)
    site = Site(bots, host)
    try:
        site.runner.start()
        offer(site)
        yield site
    finally:
        offer(None)
        site.close()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise UserError(
            f"cannot listen on {host}:{port} ({error}); choose another with --port, or 0 for a free one"
        ) from error
    with made:
        yield made


def _config(app: App) -> Any:
    import uvicorn
    from streamlit.runtime.runtime_util import get_max_message_size_bytes

    return uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_ping_interval=_PING,
        ws_ping_timeout=_PING,
        ws_max_size=get_max_message_size_bytes(),
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Who comes is told by the key; the address in a header is what a caller claims.
        proxy_headers=False,
        timeout_graceful_shutdown=_CLOSING,
    )


def _tell(server: Any, address: str, open_browser: bool, started: Callable[[str], None] | None) -> None:
    tick = threading.Event()
    while not server.started and not server.should_exit:
        tick.wait(0.02)
    if server.started:
        if started:
            started(address)
        if open_browser:
            webbrowser.open(address)

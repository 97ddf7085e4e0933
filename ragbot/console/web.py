"""``ragbot ui``: the web interface, after what is to be ingested."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.console import intake, render
from ragbot.console.knowledge import settings_of, usable_folder
from ragbot.console.options import INTERRUPTED, AnswerOptions
from ragbot.errors import MissingExtraError, RagbotError, UserError
from ragbot.models.registry import READER
from ragbot.workspace.reach import check_reach

if TYPE_CHECKING:
    from apps.api.bots import Bots
    from ragbot.bot import RagBot
    from ragbot.console.terminal import Terminal
    from ragbot.settings import Settings


def serve(
    options: AnswerOptions,
    host: str | None,
    port: int | None,
    paths: Sequence[Path],
    open_browser: bool,
    streamlit: bool = False,
) -> int:
    """Serve until Ctrl-C; returns the exit code.

    Args:
        streamlit: the Streamlit app instead of the Gradio one.

    Raises:
        MissingExtraError: gradio, or streamlit, is not installed.
        UserError: the port is taken, or others can reach the address and there is no key.
    """
    settings, terminal = settings_of(options), options.terminal
    host = settings.ui.host if host is None else host
    port = settings.ui.port if port is None else port
    if paths:
        intake.check_paths(paths, settings)
    if find_spec("streamlit" if streamlit else "gradio") is None:
        raise MissingExtraError("the web interface", "ui")
    check_reach(settings, host)
    with opened_bots(options, settings) as bots:
        with bots.using() as bot:
            if paths and not ingested(bot, terminal, paths):
                return INTERRUPTED
            if bot.llm != READER:
                with terminal.working("starting …"):
                    bot.chain  # noqa: B018  # loads the chat model: what is wrong with it is said here, not on the page
        if bot.llm == READER:
            threading.Thread(target=_load, args=(bots,), name="ragbot-reader", daemon=True).start()
        if streamlit:
            _streamlit(bots, terminal, settings, host, port, open_browser)
            return 0
        with terminal.working("starting …"):
            # Only now: the app takes this process off the hub, and a model may have to come from there.
            from apps.gradio_ui.app import launch
        try:
            page = launch(bots, host=host, port=port, open_browser=open_browser, block=False)
        except OSError as error:
            raise UserError(
                f"cannot listen on {host}:{port} ({error}); choose another with --port, or 0 for a free one"
            ) from error
        _told(terminal, settings, page.local_url)
        page.block_thread()
    return 0


def _load(bots: Bots) -> None:
    """Load the chat model while the page is looked at: the first time the reader is built, which takes half a minute."""
    with suppress(RagbotError), bots.using() as bot:  # an error is told to who asks a question
        _ = bot.chain


def _streamlit(bots: Bots, terminal: Terminal, settings: Settings, host: str, port: int, open_browser: bool) -> None:
    with terminal.working("starting …"):
        from apps.streamlit_ui.launch import serve as run
    run(bots, host, port, open_browser, lambda url: _told(terminal, settings, url))


def _told(terminal: Terminal, settings: Settings, url: str) -> None:
    terminal.show({"url": url, "kb": settings.kb}, lambda out, _: out.line(f"ragbot is at {url} (Ctrl-C stops it)"))


@contextmanager
def opened_bots(options: AnswerOptions, settings: Settings) -> Iterator[Bots]:
    """The knowledge bases of the settings; the default one is made if it is not there."""
    usable_folder(settings)
    with options.terminal.working("opening the knowledge base …"):
        from apps.api.bots import Bots

        bots = Bots(settings)
        if bots.default not in bots.names():
            bots.create(bots.default)
    try:
        yield bots
    finally:
        bots.close()


def ingested(bot: RagBot, terminal: Terminal, paths: Sequence[Path]) -> bool:
    """Bring documents in and say what came of it; False if it was interrupted."""
    done = intake.run(bot, terminal, paths)
    if done is None:
        return False
    if done.added or done.updated or done.failed:
        terminal.note(render.report_line(done))
    for failure in done.failed:
        terminal.note(f"failed: {failure.source}: {failure.reason}", style="red")
    return True

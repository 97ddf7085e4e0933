"""``ragbot ui``: the web interface, after what is to be ingested."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from rich.text import Text

from ragbot.console import intake, render
from ragbot.console.knowledge import opened_bot, settings_of
from ragbot.console.options import INTERRUPTED, AnswerOptions
from ragbot.console.terminal import clean
from ragbot.errors import MissingExtraError, UserError


def serve(options: AnswerOptions, host: str | None, port: int | None, paths: Sequence[Path], open_browser: bool) -> int:
    """Serve until Ctrl-C; returns the exit code.

    Raises:
        MissingExtraError: gradio is not installed.
        UserError: the port is taken.
    """
    settings, terminal = settings_of(options), options.terminal
    host = settings.ui.host if host is None else host
    port = settings.ui.port if port is None else port
    if paths:
        intake.check_paths(paths, settings)
    if find_spec("gradio") is None:
        raise MissingExtraError("the web interface", "ui")
    with opened_bot(options, settings, create=True) as bot:
        if paths:
            done = intake.run(bot, terminal, paths)
            if done is None:
                return INTERRUPTED
            if done.added or done.updated or done.failed:
                terminal.note(render.report_line(done))
            for failure in done.failed:
                terminal.note(f"failed: {failure.source}: {failure.reason}", style="red")
        with terminal.working("starting …"):
            bot.chain  # noqa: B018  # loads the chat model: what is wrong with it is said here, and not on the page
            # Only now: the app takes this process off the hub, and a model may have to come from there.
            from apps.gradio_app import launch
            from apps.gradio_page import is_loopback
        try:
            page = launch(bot, host=host, port=port, open_browser=open_browser, block=False)
        except OSError as error:
            raise UserError(
                f"cannot listen on {host}:{port} ({error}); choose another with --port, or 0 for a free one"
            ) from error
        url = page.local_url
        if not is_loopback(host):  # said even with --quiet
            text = f"anyone who can reach {host}:{urlsplit(url).port} can read and change this knowledge base; there is no login yet"
            terminal.err.print(Text.assemble(("warning: ", "bold yellow"), clean(text)), soft_wrap=True)
        terminal.show({"url": url, "kb": settings.kb}, lambda out, _: out.line(f"ragbot is at {url} (Ctrl-C stops it)"))
        page.block_thread()
    return 0

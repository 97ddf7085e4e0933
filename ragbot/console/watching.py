"""``ragbot ingest --watch``: the first run with its bar and report, then a line for each run that did something."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ragbot.console import render
from ragbot.console.intake import tell_interrupted
from ragbot.console.jsonout import plain
from ragbot.console.options import INTERRUPTED
from ragbot.console.progress import IngestProgress

if TYPE_CHECKING:
    from ingest.progress import Progress
    from ragbot.bot import RagBot
    from ragbot.console.terminal import Terminal
    from ragbot.documents import IngestReport
    from ragbot.errors import RagbotError
    from ragbot.index.labels import Labels


def follow(
    bot: RagBot,
    terminal: Terminal,
    paths: Sequence[str],
    acl: Sequence[str] | None,
    sync: bool,
    labels: Labels | None = None,
) -> int:
    """Ingest and follow until Ctrl-C; returns the exit code: 0, or 130 if the first run was stopped.

    Raises:
        RagbotError: of the first run.
    """
    from ingest.loaders import SUPPORTED_SUFFIXES
    from ingest.watching import watch

    progress = IngestProgress(terminal)
    is_first = True

    def show_progress(newest: Progress) -> None:
        if is_first:
            progress(newest)

    reports = watch(
        bot,
        paths,
        acl=acl,
        labels=labels,
        sync=sync,
        suffixes=SUPPORTED_SUFFIXES | bot.settings.ingest.readers.keys(),
        progress=show_progress,
        on_error=lambda error: _tell_error(terminal, error),
    )
    with closing(reports):
        try:
            with progress:
                done = next(reports)
        except KeyboardInterrupt:
            tell_interrupted(terminal, progress)
            return INTERRUPTED
        is_first = False
        try:
            if terminal.as_json:
                _json(terminal, plain(done))
            else:
                render.report(terminal, done)
            terminal.note("following what changes; Ctrl-C ends it")
            for done in reports:
                _tell(terminal, done)
        except KeyboardInterrupt:
            terminal.note("stopped; what was committed is kept")
    return 0


def json_error(terminal: Terminal, error: RagbotError) -> None:
    """Print an error as one line of many."""
    _json(terminal, {"error": {"type": type(error).__name__, "message": str(error)}})


def _tell(terminal: Terminal, done: IngestReport) -> None:
    if not (done.added or done.updated or done.removed or done.failed):
        return
    if terminal.as_json:
        _json(terminal, plain(done))
        return
    terminal.line(f"{datetime.now():%H:%M:%S}  {render.report_line(done)}")
    for failure in done.failed:
        terminal.line(f"failed: {failure.source}: {failure.reason}", "red", hang=2)


def _tell_error(terminal: Terminal, error: RagbotError) -> None:
    if terminal.as_json:
        json_error(terminal, error)
    else:
        terminal.fail(type(error).__name__, f"{datetime.now():%H:%M:%S}  not ingested yet: {error}")


def _json(terminal: Terminal, value: dict[str, Any]) -> None:
    terminal.json({"time": datetime.now().astimezone().isoformat(timespec="seconds"), **value}, indent=None)

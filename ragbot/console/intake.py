"""``ragbot ingest``: bring documents in, with a progress bar, and report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.console import render
from ragbot.console.knowledge import opened_bot, settings_of
from ragbot.console.options import INTERRUPTED, IngestOptions
from ragbot.console.progress import IngestProgress

if TYPE_CHECKING:
    from ragbot.bot import RagBot
    from ragbot.console.terminal import Terminal
    from ragbot.documents import IngestReport


def ingest(options: IngestOptions, paths: Sequence[str], acl: Sequence[str], sync: bool = False) -> int:
    """Ingest and report; returns the exit code (see ``ragbot ingest --help``)."""
    settings = settings_of(options)
    check_paths(paths)
    with opened_bot(options, settings, create=True) as bot:
        done = run(bot, options.terminal, paths, acl, sync)
    if done is None:
        return INTERRUPTED
    options.terminal.show(done, render.report)
    return exit_code(done, paths)


def check_paths(paths: Sequence[str | Path]) -> None:
    """Refuse what is not there before a model is loaded and a knowledge base is made. Raises SourceError."""
    from ingest.sources import find
    from ingest.web.address import is_url

    files = [path for path in paths if not is_url(str(path))]
    if files:
        find(files, images=True)


def run(
    bot: RagBot, terminal: Terminal, paths: Sequence[str | Path], acl: Sequence[str] = (), sync: bool = False
) -> IngestReport | None:
    """Ingest under a progress bar; None if Ctrl-C stopped it."""
    try:
        with IngestProgress(terminal) as progress:
            return bot.ingest(*paths, acl=acl or None, sync=sync, progress=progress)
    except KeyboardInterrupt:
        last = progress.last
        reached = f" after {last.files} of {last.total_files} files" if last else ""
        terminal.fail(
            "Interrupted", f"stopped{reached}; what was committed is kept, and the same command goes on from there"
        )
        return None


def exit_code(done: IngestReport, paths: Sequence[str]) -> int:
    """1 if a file or page that the person named failed, or if nothing could be read; else 0."""
    from ingest.web.address import is_url, shown_url

    named = {shown_url(path) if is_url(path) else str(Path(path).expanduser().absolute()) for path in paths}
    failed = {failure.source for failure in done.failed}
    nothing = not (done.added or done.updated or done.skipped)
    return int(bool(failed & named) or (bool(failed) and nothing))

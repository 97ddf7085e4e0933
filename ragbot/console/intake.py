"""``ragbot ingest``: bring documents in, with a progress bar, and report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.console import render
from ragbot.console.knowledge import opened_bot, settings_of
from ragbot.console.options import INTERRUPTED, IngestOptions
from ragbot.console.progress import IngestProgress
from ragbot.errors import RagbotError, UserError

if TYPE_CHECKING:
    from ragbot.bot import RagBot
    from ragbot.console.terminal import Terminal
    from ragbot.documents import IngestReport
    from ragbot.index.labels import Labels
    from ragbot.settings import Settings


def ingest(
    options: IngestOptions,
    paths: Sequence[str],
    acl: Sequence[str] | None,
    sync: bool = False,
    readers: Sequence[str] = (),
    watch: bool = False,
    labels: Labels | None = None,
) -> int:
    """Ingest and report, and with ``watch`` go on; returns the exit code (see ``ragbot ingest --help``)."""
    from ingest.contextual import require_model
    from ragbot.index.access import access_list

    terminal = options.terminal
    settings = with_readers(settings_of(options), readers, paths)
    try:
        acl = None if acl is None else access_list(name for name in acl if name.strip())
        require_model(settings.chunking.context, settings.llm)
        check_paths(paths, settings, watch)
        with opened_bot(options, settings, create=True) as bot:
            if watch:
                from ragbot.console.watching import follow

                return follow(bot, terminal, paths, acl, sync, labels)
            done = run(bot, terminal, paths, acl, sync, labels)
    except RagbotError as error:
        if watch and terminal.as_json:
            from ragbot.console.watching import json_error

            json_error(terminal, error)
            return error.exit_code
        raise
    if done is None:
        return INTERRUPTED
    terminal.show(done, render.report)
    if done.contexts_failed:
        terminal.note(
            f"{done.contexts_failed:,} chunk(s) are without a line, because the chat model failed: they stand under "
            "their titles, and the same command tries again"
        )
    return exit_code(done, paths)


def check_paths(paths: Sequence[str | Path], settings: Settings | None = None, watch: bool = False) -> None:
    """Refuse what is not there before a model is loaded and a knowledge base is made.

    Raises:
        SourceError: a path does not exist, or, unless it is for a ``watch``, there is nothing to read.
        UserError: a reader is not installed.
    """
    from ingest.loaders import SUPPORTED_SUFFIXES
    from ingest.readers import check_readers
    from ingest.sources import check_exist, find
    from ingest.web.address import is_url

    files = [path for path in paths if not is_url(str(path))]
    if watch:
        if not files:
            raise UserError("--watch follows files and folders, and none is named: pages of the web do not tell")
        check_exist(files)
    elif files:
        readers = settings.ingest.readers if settings else {}
        check_readers(readers, find(files, True, SUPPORTED_SUFFIXES | readers.keys()).files)


def with_readers(settings: Settings, given: Sequence[str], paths: Sequence[str]) -> Settings:
    """The settings with the readers of the command line on top: ``module:class`` or ``.suffix=module:class``.

    Raises:
        UserError: it is written in another way, or it says no suffix and not one file of one suffix is named.
    """
    from ragbot.sections.ingest import READER, SUFFIX

    readers = dict(settings.ingest.readers)
    for text in given:
        suffix, _, reader = text.rpartition("=")
        if not READER.fullmatch(reader) or (suffix and not SUFFIX.fullmatch(suffix.lower())):
            raise UserError(
                f"--reader {text} names no class: write MODULE:CLASS or .SUFFIX=MODULE:CLASS, such as "
                f".hwp=llama_index.readers.file:HWPReader"
            )
        readers[suffix.lower() or _only_suffix(text, paths)] = reader
    return settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"readers": readers})})


def _only_suffix(reader: str, paths: Sequence[str]) -> str:
    """The suffix of the files that are named."""
    from ingest.sources import absolute
    from ingest.web.address import is_url
    from ragbot.sections.ingest import SUFFIX

    files = [absolute(path) for path in paths if not is_url(path)]
    found = {path.suffix.lower() for path in files if not path.is_dir()}
    if len(found) != 1 or not SUFFIX.fullmatch(next(iter(found))):
        raise UserError(f"--reader {reader} does not say which files it reads: write --reader .SUFFIX={reader}")
    return found.pop()


def run(
    bot: RagBot,
    terminal: Terminal,
    paths: Sequence[str | Path],
    acl: Sequence[str] | None = None,
    sync: bool = False,
    labels: Labels | None = None,
) -> IngestReport | None:
    """Ingest under a progress bar; None if Ctrl-C stopped it."""
    try:
        with IngestProgress(terminal) as progress:
            return bot.ingest(*paths, acl=acl, sync=sync, labels=labels, progress=progress)
    except KeyboardInterrupt:
        tell_interrupted(terminal, progress)
        return None


def tell_interrupted(terminal: Terminal, progress: IngestProgress) -> None:
    """Say how far a run came that Ctrl-C stopped."""
    last = progress.last
    reached = f" after {last.files} of {last.total_files} files" if last else ""
    terminal.fail(
        "Interrupted", f"stopped{reached}; what was committed is kept, and the same command goes on from there"
    )


def exit_code(done: IngestReport, paths: Sequence[str]) -> int:
    """1 if a file or page that the person named failed, or if nothing could be read; else 0."""
    from ingest.sources import absolute
    from ingest.web.address import is_url, shown_url

    named = {
        # As the report writes a name that is not UTF-8.
        shown_url(path) if is_url(path) else str(absolute(path)).encode("utf-8", "replace").decode()
        for path in paths
    }
    failed = {failure.source for failure in done.failed}
    nothing = not (done.added or done.updated or done.skipped)
    return int(bool(failed & named) or (bool(failed) and nothing))

"""``ragbot kb verify``, ``repair``, ``compact``, ``export`` and ``import``: run them, and say what came of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.console.knowledge import existing_folder, settings_of, usable_folder
from ragbot.console.options import KnowledgeBaseOptions

if TYPE_CHECKING:
    from ragbot.console.terminal import Terminal
    from ragbot.index.maintenance import Compaction, Repair, Verification
    from ragbot.index.transfer import Transfer

#: Seconds between two lines of progress: what takes less says nothing.
PAUSE = 5.0
_STAGES = {
    "structure": "checking the database",
    "documents": "reading documents",
    "indexes": "making the indexes",
    "catalog": "writing the catalog anew",
    "files": "copying files",
}


class Ticker:
    """A line on standard error now and then."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._last = time.monotonic()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """See :data:`ragbot.index.inspection.Progress`."""
        if time.monotonic() - self._last >= PAUSE:
            self._last = time.monotonic()
            self._terminal.note(f"{_STAGES[stage]} … {done:,} of {total:,}")


def verify(options: KnowledgeBaseOptions) -> int:
    """Read everything; 1 if something is wrong."""
    from ragbot.index import maintenance

    folder = existing_folder(settings_of(options))
    with options.terminal.working("reading …"):
        found = maintenance.verify(folder, Ticker(options.terminal))
    options.terminal.show(found, _show_verification)
    return int(bool(found.problems))


def repair(options: KnowledgeBaseOptions) -> None:
    """Remove damaged documents, and make the indexes again."""
    from ragbot.index import maintenance

    folder = existing_folder(settings_of(options))
    with options.terminal.working("repairing …"):
        done = maintenance.repair(folder, Ticker(options.terminal))
    options.terminal.show(done, _show_repair)


def compact(options: KnowledgeBaseOptions) -> int:
    """Write everything anew; 1 if another process kept the old log in use."""
    from ragbot.index import maintenance

    folder = existing_folder(settings_of(options))
    with options.terminal.working("compacting …"):
        done = maintenance.compact(folder, Ticker(options.terminal))
    options.terminal.show(done, _show_compaction)
    if not done.complete:
        options.terminal.note(
            "another process has this knowledge base open, and the log keeps the old state for it: close it, then run "
            "the same command again"
        )
    return int(not done.complete)


def export(options: KnowledgeBaseOptions, file: Path) -> None:
    """Write a knowledge base to one file."""
    from ragbot.index import transfer

    folder = existing_folder(settings_of(options))
    with options.terminal.working("exporting …"):
        done = transfer.export(folder, file.expanduser(), Ticker(options.terminal))
    options.terminal.show(done, _show_export)


def import_(options: KnowledgeBaseOptions, file: Path) -> None:
    """Make a new knowledge base of such a file."""
    from ragbot.index import transfer

    folder = usable_folder(settings_of(options))
    with options.terminal.working("importing …"):
        done = transfer.import_(file.expanduser(), folder, Ticker(options.terminal))
    options.terminal.show(done, _show_import)


def _show_verification(terminal: Terminal, found: Verification) -> None:
    for problem in found.problems:
        terminal.line(f"{problem.message} → {problem.next_step}", hang=2)
    read = f"{found.documents:,} documents, {found.chunks:,} chunks, {found.characters:,} characters"
    terminal.line(f"{read}: {f'{len(found.problems)} problem(s)' if found.problems else 'all is well'}")


def _show_repair(terminal: Terminal, done: Repair) -> None:
    for source in done.removed:
        terminal.line(f"removed, to be ingested again: {source}", hang=2)
    if done.orphans:
        terminal.line(f"removed {done.orphans} chunks of no document")
    found = "nothing was wrong" if not done.problems else f"{len(done.problems)} problem(s) mended"
    terminal.line(f"{found}; the indexes were made again")


def _show_compaction(terminal: Terminal, done: Compaction) -> None:
    from ragbot.console.render import size

    terminal.line(f"{size(done.before)} before, {size(done.after)} after ({done.before:,} → {done.after:,} bytes)")


def _show_export(terminal: Terminal, done: Transfer) -> None:
    from ragbot.console.render import size

    terminal.line(f"{_contents(done)} in {done.file} ({size(done.bytes)})")
    terminal.note("It holds every text, whoever may see it: keep it where only they can read it.")


def _show_import(terminal: Terminal, done: Transfer) -> None:
    terminal.line(f"{_contents(done)} in {done.folder}")


def _contents(done: Transfer) -> str:
    uploads = f", {done.uploads:,} uploaded files" if done.uploads else ""
    return f"{done.documents:,} documents, {done.chunks:,} chunks{uploads}"

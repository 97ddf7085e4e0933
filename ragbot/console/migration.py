"""``ragbot kb migrate``: run it, and say what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragbot.console.knowledge import existing_folder, settings_of
from ragbot.console.maintenance import Ticker
from ragbot.console.options import KnowledgeBaseOptions

if TYPE_CHECKING:
    from ragbot.console.terminal import Terminal
    from ragbot.index.migration import Migration


def migrate(options: KnowledgeBaseOptions, store: str) -> int:
    """Move the vectors to another store; 1 if something of the old one could not be removed."""
    from ragbot.bot import store_options
    from ragbot.index import migration

    settings = settings_of(options)
    folder = existing_folder(settings)
    with options.terminal.working("moving vectors …"):
        done = migration.migrate(folder, store, store_options(settings), Ticker(options.terminal))
    options.terminal.show(done, _show)
    if done.left:
        options.terminal.note(done.left)
    return int(bool(done.left))


def _show(terminal: Terminal, done: Migration) -> None:
    if done.moved:
        terminal.line(f"{done.vectors:,} vectors moved from {done.before} to {done.after}; nothing was embedded again")
    else:
        terminal.line(f"its {done.vectors:,} vectors are in {done.after} already; nothing was done")

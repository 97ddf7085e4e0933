"""``ragbot kb verify``, ``repair``, ``compact``, ``reembed``, ``export`` and ``import``: run them, and say what came of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from ragbot.console.knowledge import existing_folder, settings_of, usable_folder
from ragbot.console.options import INTERRUPTED, IndexOptions, KnowledgeBaseOptions
from ragbot.errors import CorruptError

if TYPE_CHECKING:
    from ragbot.console.terminal import Terminal
    from ragbot.index.maintenance import Compaction, Repair, Verification
    from ragbot.index.reembedding import Reembedding
    from ragbot.index.salvage import Salvage
    from ragbot.index.transfer import Transfer
    from ragbot.settings import Settings

#: Seconds between two lines of progress: what takes less says nothing.
PAUSE = 5.0
_STAGES = {
    "pages": "reading pages",
    "structure": "checking the database",
    "documents": "reading documents",
    "indexes": "making the indexes",
    "catalog": "writing the catalog anew",
    "files": "copying files",
    "vectors": "moving vectors",
    "texts": "embedding texts",
    "swap": "putting the embeddings in",
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
    from ragbot.bot import store_options
    from ragbot.index import maintenance

    settings = settings_of(options)
    folder = existing_folder(settings)
    with options.terminal.working("reading …"):
        found = maintenance.verify(folder, Ticker(options.terminal), store_options(settings))
    options.terminal.show(found, _show_verification)
    return int(bool(found.problems))


def repair(options: IndexOptions) -> int:
    """Remove damaged documents, and make the indexes again; where that does not help, make a new catalog of the rest.

    1 if the new one lacks documents of the old one.
    """
    from ragbot.bot import store_options
    from ragbot.index import maintenance

    settings = settings_of(options)
    folder = existing_folder(settings)
    try:
        with options.terminal.working("repairing …"):
            done = maintenance.repair(folder, Ticker(options.terminal), store_options(settings))
    except CorruptError:
        return _salvage(options, settings, folder)
    options.terminal.show(done, _show_repair)
    return 0


def _salvage(options: IndexOptions, settings: Settings, folder: Path) -> int:
    from ragbot.bot import store_options
    from ragbot.index.salvage import salvage

    options.terminal.note(
        "the catalog cannot be mended in place: a new one is made of every document that can still be read whole, and "
        "takes its place; the broken file is kept beside it"
    )
    fingerprint = None
    if options.embedder is not None:  # for a catalog that does not say it any more
        from ragbot.bot import model_options
        from ragbot.models.registry import load_embedder

        fingerprint = load_embedder(options.embedder, **model_options(options.embedder, settings)).fingerprint
    with options.terminal.working("rebuilding …"):
        saved = salvage(folder, fingerprint, options.embedder, Ticker(options.terminal), store_options(settings))
    options.terminal.show(saved, _show_salvage)
    return int(bool(saved.lost or saved.unnamed))


def compact(options: KnowledgeBaseOptions) -> int:
    """Write everything anew; 1 if another process kept the old log in use."""
    from ragbot.bot import store_options
    from ragbot.index import maintenance

    settings = settings_of(options)
    folder = existing_folder(settings)
    with options.terminal.working("compacting …"):
        done = maintenance.compact(folder, Ticker(options.terminal), store_options(settings))
    options.terminal.show(done, _show_compaction)
    if not done.complete:
        options.terminal.note(
            "another process has this knowledge base open, and the log keeps the old state for it: close it, then run "
            "the same command again"
        )
    return int(not done.complete)


def reembed(options: IndexOptions) -> int:
    """Embed with another model; 130 if Ctrl-C stopped it."""
    from ragbot.index.reembedding import reembed as run

    settings = settings_of(options)
    folder = existing_folder(settings)
    with options.terminal.working("loading the embedder …"):
        from ragbot.bot import load_embedder, model_options, store_options

        embedder = load_embedder(settings.embedder, **model_options(settings.embedder, settings))
    try:
        with options.terminal.working("embedding …"):
            done = run(folder, embedder, settings.embedder, Ticker(options.terminal), store_options(settings))
    except KeyboardInterrupt:
        options.terminal.fail(
            "Interrupted",
            "stopped; the knowledge base is as it was, and the same command goes on with what was embedded",
        )
        return INTERRUPTED
    options.terminal.show(done, _show_reembedding)
    return 0


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


def _show_salvage(terminal: Terminal, saved: Salvage) -> None:
    for source in saved.lost:
        terminal.line(f"lost, to be ingested again: {source}", hang=2)
    lost = len(saved.lost) + saved.unnamed
    names = f", {saved.unnamed:,} of them without a name" if saved.unnamed else ""
    terminal.line(f"{saved.documents:,} documents saved whole ({saved.chunks:,} chunks), {lost:,} lost{names}")
    terminal.note(
        f"The broken file is kept as {saved.kept}. It may hold every text that it ever held, of removed documents, too: "
        f"ragbot kb compact deletes it."
    )


def _show_compaction(terminal: Terminal, done: Compaction) -> None:
    from ragbot.console.render import size

    terminal.line(f"{size(done.before)} before, {size(done.after)} after ({done.before:,} → {done.after:,} bytes)")


def _show_reembedding(terminal: Terminal, done: Reembedding) -> None:
    from ragbot.console.render import duration

    if done.unchanged:
        terminal.line(f"It is embedded with {done.after} already; name another model with --embedder")
        return
    terminal.line(
        f"{done.chunks:,} chunks ({done.texts:,} different texts) embedded with {done.after} ({done.dimension} "
        f"dimensions) instead of {done.before}, in {duration(done.seconds)}"
    )
    if done.truncated:
        terminal.note(f"{done.truncated:,} texts are longer than {done.after} reads: it does not see their ends.")
    terminal.note(
        "The chunks are as they were cut, by the old model's count of tokens: `ragbot ingest` cuts the files anew if "
        "this one counts otherwise. Name the new model from now on, with --embedder or in ragbot.toml."
    )
    if done.store:
        terminal.note(
            f"The vectors have left {done.store} and are in files now: `ragbot kb migrate --store {done.store}` moves them."
        )


def _show_export(terminal: Terminal, done: Transfer) -> None:
    from ragbot.console.render import size

    terminal.line(f"{_contents(done)} in {done.file} ({size(done.bytes)})")
    terminal.note("It holds every text, whoever may see it: keep it where only they can read it.")


def _show_import(terminal: Terminal, done: Transfer) -> None:
    terminal.line(f"{_contents(done)} in {done.folder}")


def _contents(done: Transfer) -> str:
    uploads = f", {done.uploads:,} uploaded files" if done.uploads else ""
    return f"{done.documents:,} documents, {done.chunks:,} chunks{uploads}"

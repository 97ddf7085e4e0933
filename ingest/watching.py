"""Follow files and folders, and bring in what changes: gathered until it is quiet, one run of ingestion at a time."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import watchfiles

from ingest.archives.members import is_archive
from ingest.changes import Changes
from ingest.loaders import SUPPORTED_SUFFIXES
from ingest.progress import ProgressCallback
from ingest.sources import absolute
from ingest.web.address import is_url
from ragbot.documents import IngestReport
from ragbot.errors import LockedError, RagbotError
from ragbot.index.labels import Labels

log = logging.getLogger(__name__)

#: Seconds for which a file must not have changed before it is read. No less than one: polling compares whole seconds, and
#: misses a second change in the same one.
QUIET = 1.0
#: Seconds that quiet files wait for others that are still being written, so that what belongs together is one run.
PATIENCE = 5.0
#: Seconds before a run that found the knowledge base locked is tried again.
RETRY = 3.0
#: Seconds between two looks.
_LOOK = 0.2


class Ingester(Protocol):
    """What a watch needs of :class:`ragbot.bot.RagBot`."""

    def ingest(
        self,
        *paths: str | os.PathLike[str],
        acl: Sequence[str] | None = None,
        sync: bool = False,
        only: Collection[Path] | None = None,
        labels: Labels | None = None,
        progress: ProgressCallback | None = None,
    ) -> IngestReport:
        """See :meth:`ragbot.bot.RagBot.ingest`."""


def watch(
    bot: Ingester,
    paths: Iterable[str | os.PathLike[str]],
    *,
    acl: Sequence[str] | None = None,
    labels: Labels | None = None,
    sync: bool = False,
    stop: threading.Event | None = None,
    suffixes: Collection[str] = SUPPORTED_SUFFIXES,
    quiet: float = QUIET,
    progress: ProgressCallback | None = None,
    on_error: Callable[[RagbotError], None] | None = None,
) -> Generator[IngestReport, None, None]:
    """Ingest ``paths``, then follow them; yields the report of the first run and of each one after it.

    What changes is gathered until it has been quiet for a while: a file that grows without a pause is read when it
    pauses. A run that finds the knowledge base locked is tried again. A folder that vanishes keeps its documents, and
    is followed again when it comes back; a folder may be empty at first.

    Args:
        bot: where the documents go.
        paths: files and folders; URLs are fetched by the first run only.
        acl, labels: as for an ingestion, in every run.
        sync: in every run, remove the documents whose files have vanished from the folders.
        stop: ends the watch when it is set.
        suffixes: of the files in the folders whose changes matter.
        quiet: seconds.
        progress: called as each run goes on.
        on_error: told what made a run fail, once until it changes; default: a warning in the log. What the run was to
            read is read with what changes next.

    Raises:
        RagbotError: of the first run, a locked knowledge base excepted.
    """
    named = list(paths)
    urls = [path for path in named if isinstance(path, str) and is_url(path)]
    roots = [absolute(path) for path in named if not (isinstance(path, str) and is_url(path))]
    folders = tuple(path for path in roots if path.is_dir())
    watched = _Watched(frozenset(roots) - frozenset(folders), folders, frozenset(suffixes))
    over = stop or threading.Event()
    tell = _Teller(on_error)

    def ingest(only: Collection[Path]) -> IngestReport:
        # A folder that has vanished for now is no reason to stop.
        places = [root for root in roots if _state(root)]
        return bot.ingest(*places, acl=acl, labels=labels, sync=sync, only=only, progress=progress)

    with Changes(sorted(watched.files), folders) as changes:
        while not over.is_set():
            try:
                if urls or watched.files or watched.is_filled():
                    report = bot.ingest(*urls, *roots, acl=acl, labels=labels, sync=sync, only=None, progress=progress)
                else:
                    report = IngestReport()
                yield report
                break
            except LockedError as error:
                tell(error)
                over.wait(RETRY)
        pending = _Pending(quiet)
        not_before = 0.0
        while not over.wait(_LOOK):
            for change, path in changes.take():
                pending.add(watched.touched(change, path))
            if time.monotonic() < not_before:
                continue
            ready = pending.take()
            if not any(map(_state, roots)) or not (any(map(_state, ready)) or (ready and sync)):
                continue
            try:
                report = ingest(ready)
            except LockedError as error:
                tell(error)
                pending.put_back(ready, again=True)
                not_before = time.monotonic() + RETRY
            except RagbotError as error:
                tell(error)
                pending.put_back(ready, again=False)
            else:
                tell.forget()
                yield report


@dataclass(frozen=True, slots=True)
class _Watched:
    """Which changes matter: those of files that an ingestion of these files and folders would find."""

    files: frozenset[Path]
    folders: tuple[Path, ...]
    suffixes: frozenset[str]

    def touched(self, change: watchfiles.Change, path: Path) -> list[Path]:
        """The files that something has happened to; of a folder that has vanished, the folder."""
        if path in self.files:
            return [path]
        above = next((folder for folder in self.folders if path.is_relative_to(folder)), None)
        if above is None or any(map(_is_passed_over, path.relative_to(above).parts)):
            return []
        if change == watchfiles.Change.added and path.is_dir():
            return list(self._under(path))
        if self._is_wanted(path.name):
            return [path]
        # What is gone may have been a folder. A folder that was named keeps its documents: a drive comes back.
        return [path] if change == watchfiles.Change.deleted and path != above else []

    def is_filled(self) -> bool:
        """Whether there is anything to ingest in the folders; one that cannot be looked at counts."""
        return any(not folder.is_dir() or any(True for _ in self._under(folder)) for folder in self.folders)

    def _under(self, folder: Path) -> Iterator[Path]:
        for root, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if not _is_passed_over(name)]
            yield from (Path(root) / name for name in names if not _is_passed_over(name) and self._is_wanted(name))

    def _is_wanted(self, name: str) -> bool:
        return is_archive(name) or Path(name).suffix.lower() in self.suffixes


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was at the last look, and since when."""

    state: tuple[int, int] | None
    since: float


class _Pending:
    """What has changed and is not ingested yet."""

    def __init__(self, quiet: float) -> None:
        self._quiet = quiet
        self._seen: dict[Path, _Seen] = {}
        self._held: set[Path] = set()

    def add(self, paths: Iterable[Path]) -> None:
        """These have changed just now."""
        now = time.monotonic()
        self._seen.update((path, _Seen(_state(path), now)) for path in paths)

    def take(self) -> frozenset[Path]:
        """Those that have been quiet for long enough, unless others are about to be so too."""
        now = time.monotonic()
        for path, seen in self._seen.items():
            state = _state(path)
            if state != seen.state:
                self._seen[path] = _Seen(state, now)
        ready = {path: seen.since for path, seen in self._seen.items() if now - seen.since >= self._quiet}
        waited = now - min(ready.values(), default=now)
        if not ready or (len(ready) < len(self._seen) and waited < self._quiet + PATIENCE):
            return frozenset()
        for path in ready:
            del self._seen[path]
        found = frozenset(ready) | self._held
        self._held.clear()
        return found

    def put_back(self, paths: Iterable[Path], again: bool) -> None:
        """A run failed: try these ``again`` as they are, or together with what changes next."""
        if again:
            self._seen.update((path, _Seen(_state(path), 0.0)) for path in paths if path not in self._seen)
        else:
            self._held.update(paths)


class _Teller:
    """Tells of an error once, however often it is met."""

    def __init__(self, on_error: Callable[[RagbotError], None] | None) -> None:
        self._on_error = on_error
        self._last = ""

    def __call__(self, error: RagbotError) -> None:
        if str(error) != self._last:
            self._last = str(error)
            if self._on_error:
                self._on_error(error)
            else:
                log.warning("%s", error)

    def forget(self) -> None:
        """The same error later is another one."""
        self._last = ""


def _is_passed_over(name: str) -> bool:
    # As ingest.sources.find does: hidden ones, and what Office keeps beside a document that is open.
    return name.startswith((".", "~$"))


def _state(path: Path) -> tuple[int, int] | None:
    """Size and time of change; None where it is gone or cannot be looked at."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns

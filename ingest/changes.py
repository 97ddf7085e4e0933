"""What changes on disk: files and folders followed through the system's notices, or by polling where there are none.

A network drive sends no notices of what other machines write: the variable ``WATCHFILES_FORCE_POLLING=1`` has it polled
(and ``WATCHFILES_POLL_DELAY_MS`` says how often); it tells times apart by whole seconds. Polling also steps in where the system has no more watches to give.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import watchfiles

log = logging.getLogger(__name__)

#: Seconds before a watch that failed is set again.
_PAUSE = 1.0
#: How the error of watchfiles begins when something happens to such a name; it has no class of its own.
_NOT_UTF_8 = "Unable to decode path"
#: Seconds that setting a watch may take before the run goes on without waiting for it: large trees take long to poll.
_ARMING = 10.0

#: What happened to which path; a folder that has come back counts as added, with all that is in it.
Event = tuple[watchfiles.Change, Path]


class Changes:
    """Follows files and folders; use it as a context manager. One that vanishes is followed again when it is back.

    A file is followed through the folder that it lies in, because many editors replace it by another one of its name.

    Args:
        files: absolute paths.
        folders: absolute paths, followed with all that is in them.
    """

    def __init__(self, files: Sequence[Path], folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._parents = tuple({path.parent: None for path in files})
        # Some systems tell of the real path, whatever link it was followed by.
        self._names = {path.resolve(): path for path in (*self._folders, *self._parents)}
        self._events: queue.SimpleQueue[set[tuple[watchfiles.Change, str]] | Exception] = queue.SimpleQueue()
        self._followers: list[_Follower] = []
        self._armed: dict[Path, tuple[int, int]] = {}
        self._polling: bool | None = None
        self._not_before = 0.0

    def __enter__(self) -> Self:
        self._arm(self._present())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._disarm()

    def take(self) -> list[Event]:
        """What has happened since the last call; it does not wait for anything."""
        events: list[Event] = []
        lost = False
        while not self._events.empty():
            found = self._events.get()
            if isinstance(found, Exception):
                self._failed(found)
                lost = True
                continue
            for change, name in found:
                path = self._named(Path(name))
                # The system drops its watch with the folder; one that is made anew may look the same.
                lost |= change == watchfiles.Change.deleted and path in self._armed
                events.append((change, path))
        present = self._present()
        if (lost or present != self._armed) and time.monotonic() >= self._not_before:
            before = {} if lost else self._armed
            self._arm(present)
            # What was written while nobody looked.
            back = [path for path in present if before.get(path) != present[path]]
            events += [(watchfiles.Change.added, path) for path in back if path in self._folders]
            events += [
                (watchfiles.Change.added, file) for path in back if path in self._parents for file in _files(path)
            ]
        elif lost:
            self._armed = {}
        return events

    def _present(self) -> dict[Path, tuple[int, int]]:
        """The folders that are there, and which ones they are."""
        found = {}
        for path in (*self._folders, *self._parents):
            try:
                status = path.stat()
            except OSError:
                continue
            found[path] = (status.st_dev, status.st_ino)
        return found

    def _arm(self, present: dict[Path, tuple[int, int]]) -> None:
        self._disarm()
        self._armed = present
        for places, recursive in ((self._folders, True), (self._parents, False)):
            there = [path for path in places if path in present]
            if there:
                self._followers.append(_Follower(there, recursive, self._polling, self._events))
        deadline = time.monotonic() + _ARMING
        for follower in self._followers:
            follower.armed.wait(max(deadline - time.monotonic(), 0.0))

    def _disarm(self) -> None:
        for follower in self._followers:
            follower.over.set()
        for follower in self._followers:
            follower.thread.join()
        self._followers.clear()
        self._armed = {}

    def _failed(self, error: Exception) -> None:
        self._not_before = time.monotonic() + _PAUSE
        if isinstance(error, FileNotFoundError):  # it has just vanished: the next look tells
            return
        if _NOT_UTF_8 in str(error):  # about one file that is not read anyway; polling does not stand links that loop
            log.info("a file whose name is not UTF-8 has changed: %s", error)
            return
        if not self._polling:
            log.warning("the system does not tell of changes (%s): the folders are polled instead", error)
            self._polling = True
        else:
            log.warning("the folders cannot be followed just now: %s", error)

    def _named(self, path: Path) -> Path:
        """The path under which a person knows it."""
        for real, name in self._names.items():
            if real != name and path.is_relative_to(real):
                return name / path.relative_to(real)
        return path


class _Follower:
    """One watch in a thread of its own."""

    def __init__(
        self,
        places: Sequence[Path],
        recursive: bool,
        polling: bool | None,
        events: queue.SimpleQueue[set[tuple[watchfiles.Change, str]] | Exception],
    ) -> None:
        self.over = threading.Event()
        self.armed = threading.Event()
        self._places, self._recursive, self._polling, self._events = places, recursive, polling, events
        self.thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            for changes in watchfiles.watch(
                *self._places,
                watch_filter=None,
                debounce=500,
                step=50,
                stop_event=self.over,
                rust_timeout=200,
                yield_on_timeout=True,  # the first one tells that the watch is set
                raise_interrupt=False,
                force_polling=self._polling,
                recursive=self._recursive,
                ignore_permission_denied=True,
            ):
                self.armed.set()
                if changes:
                    self._events.put(changes)
        except (OSError, RuntimeError) as error:  # RuntimeError: the Rust side failed
            self._events.put(error)
        finally:
            self.armed.set()


def _files(folder: Path) -> Iterator[Path]:
    try:
        yield from [path for path in folder.iterdir() if not path.is_dir()]
    except OSError:  # gone again
        return

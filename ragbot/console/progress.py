"""The progress of an ingestion on standard error: a bar on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from ragbot.console.render import duration
from ragbot.console.terminal import Terminal, clean

if TYPE_CHECKING:
    from ingest.pipeline import Progress

#: Seconds between two lines where there is no bar.
PAUSE = 10.0
#: Share of the bytes that must have been worked through before the time left is worth showing.
ENOUGH = 0.03


class IngestProgress:
    """A context manager; call it with each :class:`ingest.pipeline.Progress`. ``last`` is the newest, or None."""

    def __init__(self, terminal: Terminal) -> None:
        self.last: Progress | None = None
        self._terminal = terminal
        self._started = time.perf_counter()
        self._over = threading.Event()
        self._bars: Bars | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        if self._terminal.err.is_terminal and not self._terminal.quiet:
            self._bars = Bars(
                BarColumn(),
                TextColumn("{task.description}", markup=False),
                TextColumn("{task.fields[current]}", style="dim", markup=False),
                console=self._terminal.err,
                transient=True,
            )
            self._task = self._bars.add_task("reading …", total=None, current="")
            self._bars.start()
        elif not self._terminal.quiet:
            threading.Thread(target=self._tell, name="ingest-progress", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._bars:
            self._bars.stop()

    def __call__(self, progress: Progress) -> None:
        """Show how far it has come."""
        self.last = progress
        if self._bars:
            total = max(progress.total_bytes, 1)
            self._bars.update(
                self._task,
                total=total,
                # Files that failed count no bytes.
                completed=total if progress.files == progress.total_files else progress.bytes,
                description=self._state(progress),
                current=_short(progress.current),
            )

    def _tell(self) -> None:
        while not self._over.wait(PAUSE):
            if self.last:
                self._terminal.note(self._state(self.last))

    def _state(self, progress: Progress) -> str:
        elapsed = max(time.perf_counter() - self._started, 1e-3)
        text = f"{progress.files}/{progress.total_files} files"
        if progress.chunks:
            text += f", {progress.chunks / elapsed:.0f} chunks/s"
        if progress.contexts:
            text += f", {progress.contexts:,} lines written"
        left = progress.total_bytes - progress.bytes
        if left > 0 and progress.worked > ENOUGH * progress.total_bytes:
            text += f", {duration(left * elapsed / progress.worked)} left"
        return text


def _short(source: str, width: int = 30) -> str:
    text = Text(clean(source.rpartition("/")[2]))
    text.truncate(width, overflow="ellipsis")
    return text.plain


class QuestionCount(Protocol):
    """How many questions are done."""

    @property
    def done(self) -> int:
        """Questions that are through."""

    @property
    def total(self) -> int:
        """All of them."""

    @property
    def errors(self) -> int:
        """Those that failed."""


class QuestionProgress:
    """The same for questions; call it with anything that has ``done``, ``total`` and ``errors``."""

    def __init__(self, terminal: Terminal, verb: str = "asking") -> None:
        self._terminal = terminal
        self._verb = verb
        self._started = time.perf_counter()
        self._told = self._started
        self._first: int | None = None
        self._bars: Bars | None = None
        self._task = TaskID(0)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._started = self._told = time.perf_counter()
        if self._terminal.err.is_terminal and not self._terminal.quiet:
            self._bars = Bars(
                BarColumn(),
                TextColumn("{task.description}", markup=False),
                console=self._terminal.err,
                transient=True,
            )
            self._task = self._bars.add_task(f"{self._verb} …", total=None)
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def __call__(self, progress: QuestionCount) -> None:
        """Show how far it has come."""
        with self._lock:
            now = time.perf_counter()
            if self._first is None:
                self._first = progress.done  # what an earlier run did took none of this one's time
            fresh = progress.done - self._first
            text = f"{self._verb} {progress.done}/{progress.total}"
            if progress.errors:
                text += f", {progress.errors} failed"
            if fresh > 2 and progress.done < progress.total:
                text += f", {duration((progress.total - progress.done) * (now - self._started) / fresh)} left"
            if self._bars:
                self._bars.update(self._task, total=max(progress.total, 1), completed=progress.done, description=text)
            elif not self._terminal.quiet and now - self._told >= PAUSE:
                self._told = now
                self._terminal.note(text)

"""How far a long piece of work has come, how fast it goes, and how long the rest will take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from ragbot.showing.html import block, file_name, note, safe, shortened
from ragbot.showing.words import say

#: Seconds before anything is said of rate and time, and the share of the work that must be through (or seconds instead).
_EARLY, _ENOUGH, _LONG = 3.0, 0.03, 20.0
#: Seconds over which the rate is smoothed: older work counts by half after so many.
_HALF_LIFE = 15.0
_UNITS = ("B", "kB", "MB", "GB", "TB")


class Told(Protocol):
    """How far a piece of work has come."""

    @property
    def files(self) -> int:
        """Files (or questions, documents) that are through."""

    @property
    def total_files(self) -> int:
        """All of them, as far as they are known."""

    @property
    def bytes(self) -> int:
        """Bytes that are through."""

    @property
    def total_bytes(self) -> int:
        """All of them; 0 where the work is not counted in bytes."""

    @property
    def chunks(self) -> int:
        """Chunks that were stored."""

    @property
    def current(self) -> str:
        """What is worked on; empty where that is not known."""


class Ingesting(Told, Protocol):
    """What :class:`ingest.progress.Progress` tells while documents are brought in."""

    @property
    def worked(self) -> int:
        """Of the bytes, those that were work, and were not skipped."""


class Counted(Told, Protocol):
    """What can be shown: :class:`Progress` here, :class:`ragbot.workspace.jobs_records.JobProgress` of a job."""

    @property
    def rate(self) -> float:
        """Bytes (without them, files) a second; 0 while it is too early to say."""

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take; None while it is too early to say."""


class Progress:
    """Counts work, and knows its rate and the time left; nothing that it counts goes back. Safe to use from threads.

    Call it with what an ingestion tells (``bot.ingest(…, progress=meter)``), or give :meth:`update` the numbers.

    Args:
        total_files: files, questions or documents in all, as far as they are known.
        total_bytes: bytes in all; 0 where the work is counted in files.
        clock: seconds that only grow.
    """

    def __init__(self, total_files: int = 0, total_bytes: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.files = self.bytes = self.chunks = 0
        self.total_files, self.total_bytes = total_files, total_bytes
        self.current = ""
        self._clock = clock
        self._lock = threading.Lock()
        self._begun = self._at = clock()
        self._worked = 0.0
        self._first: float | None = None  # what an earlier run did took none of this one's time
        self._smooth_work = self._smooth_time = 0.0

    def __call__(self, told: Ingesting) -> None:
        """Take over what an ingestion tells."""
        self.update(
            files=told.files,
            total_files=told.total_files,
            bytes=told.bytes,
            total_bytes=told.total_bytes,
            chunks=told.chunks,
            current=told.current,
            worked=told.worked,
        )

    def update(
        self,
        *,
        files: int = 0,
        total_files: int = 0,
        bytes: int = 0,
        total_bytes: int = 0,
        chunks: int = 0,
        current: str | None = None,
        worked: int | None = None,
    ) -> None:
        """Note how far it has come: all are counts since the beginning, and a smaller one than before changes nothing.

        Args:
            files: that are through, of ``total_files``.
            total_files: see there.
            bytes: that are through, of ``total_bytes``.
            total_bytes: see there.
            chunks: that were stored.
            current: what is worked on; None leaves it.
            worked: of the bytes (or files), those that took time; None for all of them.
        """
        with self._lock:
            self.files, self.bytes, self.chunks = (
                max(self.files, files),
                max(self.bytes, bytes),
                max(self.chunks, chunks),
            )
            self.total_files = max(self.total_files, total_files, self.files)
            self.total_bytes = max(self.total_bytes, total_bytes, self.bytes)
            self.current = self.current if current is None else current
            done = float(worked if worked is not None else self.bytes if self.total_bytes else self.files)
            now = self._clock()
            if worked is None and self._first is None:
                self._first, self._at = done, now
            done = max(done - (self._first or 0.0), self._worked)
            passed = max(now - self._at, 0.0)
            if passed > 0 and done > self._worked:
                kept = 0.5 ** (passed / _HALF_LIFE)
                self._smooth_work = self._smooth_work * kept + done - self._worked
                self._smooth_time = self._smooth_time * kept + passed
                self._worked, self._at = done, now

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return max(self._clock() - self._begun, 0.0)

    @property
    def share(self) -> float:
        """What is through, from 0 to 1."""
        return share(self)

    @property
    def rate(self) -> float:
        """Bytes (without them, files) a second of late; 0 while it is too early to say."""
        with self._lock:
            seconds = self.seconds
            total = self.total_bytes or self.total_files
            if seconds < _EARLY or (self._worked < _ENOUGH * total and seconds < _LONG):
                return 0.0
            waiting = max(self._clock() - self._at, 0.0)  # a file that takes long slows it down while it lasts
            time_spent = self._smooth_time + waiting
            return self._smooth_work / time_spent if time_spent > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take at this rate; None while it is too early to say."""
        rate = self.rate
        rest = self.total_bytes - self.bytes if self.total_bytes else self.total_files - self.files
        if rest <= 0:
            return 0.0 if self.total_bytes or self.total_files else None
        return rest / rate if rate > 0 else None


def share(progress: Counted) -> float:
    """What is through, from 0 to 1; by bytes where they are counted, and whole only when every file is through."""
    if progress.total_files and progress.files >= progress.total_files:
        return 1.0  # files that failed count no bytes
    done, total = (
        (progress.bytes, progress.total_bytes) if progress.total_bytes else (progress.files, progress.total_files)
    )
    return min(max(done / total, 0.0), 0.999) if total > 0 else 0.0


def line(progress: Counted, language: str) -> str:
    """Plain text such as ``12 of 40 files · 96 passages · 1.2 MB/s · about 2 min left``."""
    if not progress.total_files and not progress.total_bytes:
        return say(language, "preparing")
    parts = []
    if progress.total_files:
        parts.append(say(language, "files", done=f"{progress.files:,}", total=f"{progress.total_files:,}"))
    if progress.chunks:
        parts.append(say(language, "chunks_done", count=1 if progress.chunks == 1 else f"{progress.chunks:,}"))
    if progress.rate > 0:
        if progress.total_bytes:
            parts.append(say(language, "rate", size=size(progress.rate)))
        else:
            parts.append(say(language, "rate_items", rate=f"{progress.rate:.1f}"))
    if progress.left is not None and share(progress) < 1:
        soon = progress.left < 1
        parts.append(
            say(language, "left_soon") if soon else say(language, "left", time=duration(progress.left, language))
        )
    return " · ".join(parts)


def progress_html(progress: Counted, language: str) -> str:
    """A bar with its line, and what is worked on."""
    done = share(progress)
    label = safe(say(language, "progress"))
    known = bool(progress.total_files or progress.total_bytes)
    value = f' value="{done:.3f}"' if known else ""
    bar = f'<progress class="rb-progress" max="1"{value} aria-label="{label}"></progress>'
    current = ""
    if progress.current and done < 1:
        name = shortened(file_name(progress.current), 120)
        current = note(say(language, "reading", name=name), "rb-current")
    return block(f'{bar}<p class="rb-line">{safe(line(progress, language))}</p>{current}', "rb-progressing")


def size(count: float) -> str:
    """Bytes for people, in powers of 1000: ``4.2 MB``."""
    unit = 0
    while count >= 999.5 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.0f} {_UNITS[unit]}" if unit == 0 or count >= 99.95 else f"{count:.1f} {_UNITS[unit]}"


def duration(seconds: float, language: str) -> str:
    """Seconds for people who wait: ``40 s``, ``3 min``, ``2 h 10 min``."""
    seconds = max(seconds, 0.0)
    if seconds < 55:
        shown = round(seconds) if seconds < 10 else 5 * round(seconds / 5)
        return say(language, "time_seconds", seconds=max(shown, 1))
    minutes = round(seconds / 60)
    if minutes < 60:
        return say(language, "time_minutes", minutes=max(minutes, 1))
    return say(language, "time_hours", hours=f"{minutes // 60:,}", minutes=minutes % 60)

"""What a run tells of itself, written to the workspace as it goes on; and how it learns that it has to stop."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, TypeAlias

from ragbot.documents import IngestReport
from ragbot.workspace.jobs import Jobs
from ragbot.workspace.jobs_records import FileOutcome, Job, JobProgress, JobState, Outcome, file_row
from ragbot.workspace.records import now

#: Seconds between two writes: what a kill may take from the report, and from no document.
PAUSE = 0.5
#: Share of the bytes that must have been worked through before the time left is worth telling.
_ENOUGH = 0.03
_SUMS = ("chunks", "embedded", "characters", "contexts", "contexts_failed", "seconds")
_PUT_FILE = """
    INSERT INTO job_files VALUES (?, ?, ?, ?, ?) ON CONFLICT (job, source) DO UPDATE
    SET outcome = excluded.outcome, reason = excluded.reason, checksum = excluded.checksum
    WHERE NOT (excluded.outcome = 'skipped' AND job_files.outcome IN ('added', 'updated'))
"""  # one that an interrupted attempt brought in is skipped by the next, and was brought in all the same


#: :class:`ingest.progress.Progress`, which this layer does not know.
Moment: TypeAlias = Any


class Stopped(KeyboardInterrupt):  # as Ctrl-C: what ingest leaves behind is then in order
    """The run has to stop: the job was cancelled, or the program ends."""


class Recorder:
    """Call it with each moment of a run.

    Args:
        leaving: set when the program ends.

    Raises:
        Stopped: the run has to stop.
    """

    def __init__(
        self, jobs: Jobs, job: Job, leaving: threading.Event, clock: Callable[[], float] | None = None
    ) -> None:
        self.cancelled = False
        self._jobs = jobs
        self._job = job
        self._leaving = leaving
        self._clock = clock or time.monotonic
        self._started = self._written = self._clock()
        self._new: dict[str, FileOutcome] = {}
        self._last: JobProgress | None = None

    def __call__(self, moment: Moment) -> None:
        """Note it, and write it where it is time to."""
        if moment.outcome:
            self._new[moment.current] = FileOutcome(moment.current, moment.outcome, moment.reason)
        self._last = self._progress(moment)
        if self._clock() - self._written >= PAUSE or moment.files == moment.total_files:
            self.write()
        if self.cancelled or self._leaving.is_set():
            raise Stopped

    def write(self) -> None:
        """Write what is new, and see whether the job was cancelled."""
        self._written = self._clock()
        identity = self._job.id
        with self._jobs.workspace.writing() as db:
            row = db.execute("SELECT cancel FROM jobs WHERE id = ?", (identity,)).fetchone()
            self.cancelled = row is None or bool(row[0])
            if row is None:  # it was deleted with its knowledge base
                return
            self._put(db)
            if self._last:
                text = json.dumps(asdict(self._last), ensure_ascii=False)
                db.execute("INSERT OR REPLACE INTO job_progress VALUES (?, ?)", (identity, text))

    def finish(self, state: JobState, error: str = "", report: IngestReport | None = None) -> None:
        """Write the end: the state, and the report with a line for each source. A job that is queued again was not the
        reason why this attempt ended, which does not count then."""
        for source, outcome, reason in _lines(report):
            self._new[source] = FileOutcome(source, outcome, reason)
        sums: Mapping[str, float] = {name: getattr(report, name) for name in _SUMS} if report else {}
        with self._jobs.workspace.writing() as db:
            if db.execute("SELECT 1 FROM jobs WHERE id = ?", (self._job.id,)).fetchone() is None:
                return
            self._put(db)
            job = self._jobs.read_row(db, self._job.id)
            attempts = job.attempts - 1 if state == "queued" else job.attempts
            job = replace(
                job, state=state, error=error, report=sums, cancelling=False, attempts=attempts, updated=now()
            )
            self._jobs.write_row(db, job)

    def _put(self, db: Any) -> None:
        db.executemany(_PUT_FILE, [file_row(self._job.id, file) for file in self._new.values()])
        self._new.clear()

    def _progress(self, moment: Moment) -> JobProgress:
        seconds = max(self._clock() - self._started, 1e-3)
        rate, left = moment.worked / seconds, None
        rest = moment.total_bytes - moment.bytes
        if rest <= 0 or moment.files >= moment.total_files:
            left = 0.0
        elif moment.worked > _ENOUGH * moment.total_bytes:
            left = rest / rate
        return JobProgress(
            moment.files,
            moment.total_files,
            moment.bytes,
            moment.total_bytes,
            moment.chunks,
            moment.current,
            round(seconds, 3),
            round(rate, 1),
            None if left is None else round(left, 1),
        )


def _lines(report: IngestReport | None) -> list[tuple[str, Outcome, str]]:
    if report is None:
        return []
    lines: list[tuple[str, Outcome, str]] = []
    for outcome in ("skipped", "ignored", "removed", "added", "updated"):
        lines += [(source, outcome, "") for source in getattr(report, outcome)]
    return lines + [(failure.source, "failed", failure.reason) for failure in report.failed]

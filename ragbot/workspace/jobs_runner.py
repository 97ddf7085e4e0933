"""Does the jobs of a workspace: in threads of this program, one knowledge base at a time in each, across processes.

::

    runner = JobRunner(jobs, lambda folder: RagBot.open(folder))
    runner.start()                      # goes on with what was interrupted, and with what comes
    job = jobs.submit(folder, JobRequest(("notes.md",)))
    runner.wake()
    ...
    runner.stop()                       # what is at work waits for the next start

A program that has a bot open already gives that one: ``lambda folder: nullcontext(bot)``. Without threads, :meth:`JobRunner.run` does one job here and now.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from ragbot.documents import Document, IngestReport
from ragbot.errors import LockedError, RagbotError, StorageError
from ragbot.index.labels import Labels
from ragbot.workspace.jobs import Jobs
from ragbot.workspace.jobs_recording import Recorder, Stopped
from ragbot.workspace.jobs_records import ROW, Job, JobState
from ragbot.workspace.jobs_turn import turn
from ragbot.workspace.jobs_uploads import discard
from ragbot.workspace.records import now

log = logging.getLogger(__name__)

#: A job that took its program with it so often is not begun again.
MOST_ATTEMPTS = 3
#: Seconds until the queue is looked at again, for what other processes have asked for.
POLL = 2.0
#: Seconds until a knowledge base that somebody else writes to is tried again.
_RETRY = 2.0


class Ingesting(Protocol):
    """What of :class:`ragbot.RagBot` a job needs."""

    def ingest(
        self,
        *paths: str,
        acl: Sequence[str] | None = ...,
        sync: bool = ...,
        labels: Labels | None = ...,
        allow_private: bool | None = ...,
        progress: Callable[[Any], None] | None = ...,
    ) -> IngestReport:
        """Bring documents in."""

    def documents(self) -> list[Document]:
        """All documents."""


class JobRunner:
    """Runs jobs.

    Args:
        jobs: whose.
        opened: opens the knowledge base in a folder, for as long as a job takes.
        at_once: knowledge bases that are worked on at a time; the jobs of one are done in their order.
        poll: seconds until the queue is looked at again.
    """

    def __init__(
        self,
        jobs: Jobs,
        opened: Callable[[Path], AbstractContextManager[Ingesting]],
        at_once: int = 1,
        poll: float = POLL,
    ) -> None:
        self._jobs = jobs
        self._opened = opened
        self._at_once = at_once
        self._poll = poll
        self._leaving = threading.Event()
        self._woken = threading.Event()
        self._watching: threading.Thread | None = None
        self._working: dict[str, threading.Thread] = {}

    # -- in the background ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin with what waits or was interrupted, and go on with what comes; returns at once."""
        if self._watching is None:
            self._leaving.clear()
            self._watching = threading.Thread(target=self._watch, name="ragbot-jobs", daemon=True)
            self._watching.start()

    def wake(self) -> None:
        """There is a new job: look now."""
        self._woken.set()

    def stop(self, wait: float = 10.0) -> None:
        """Stop at the next file, and wait for that up to ``wait`` seconds; what is at work goes on with the next start."""
        self._leaving.set()
        self._woken.set()
        deadline = time.monotonic() + wait
        for thread in (self._watching, *self._working.values()):
            if thread is not None:
                thread.join(max(deadline - time.monotonic(), 0.0))
        self._watching = None

    # -- here and now --------------------------------------------------------------------------------------------

    def run(self, identity: str) -> Job:
        """Do the jobs of a knowledge base up to this one, and return how it ended.

        Where another process is at work on them, its end is waited for. Raises UserError: there is no such job.
        """
        job = self._jobs.get(identity)
        while not job.finished and not self._leaving.is_set():
            if not self._work(job.kb, until=identity):
                self._leaving.wait(min(self._poll, 0.2))
            job = self._jobs.get(identity)
        return job

    # -- inside --------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._leaving.is_set():
            self._woken.clear()
            try:
                self._begin()
            except Exception:  # the thread must outlive a disk that is full for a while
                log.exception("cannot look for jobs; they are looked for again in %.0f s", self._poll)
            self._woken.wait(self._poll)

    def _begin(self) -> None:
        """Give each knowledge base with something to do a thread, as far as there are any to give."""
        self._working = {kb: thread for kb, thread in self._working.items() if thread.is_alive()}
        for kb in self._waiting():
            if len(self._working) < self._at_once and kb not in self._working and not self._leaving.is_set():
                thread = threading.Thread(target=self._thread, args=(kb,), name="ragbot-job", daemon=True)
                self._working[kb] = thread
                thread.start()

    def _waiting(self) -> list[str]:
        sql = "SELECT kb, min(created) FROM jobs WHERE state IN ('queued', 'running') GROUP BY kb ORDER BY 2"
        with self._jobs.workspace.reading() as db:
            return [row[0] for row in db.execute(sql)]

    def _thread(self, kb: str) -> None:
        try:
            self._work(kb)
        except Exception:  # the jobs are still there, and are tried again
            log.exception("the jobs of %s have stopped", kb)
        self._woken.set()

    def _work(self, kb: str, until: str | None = None) -> bool:
        """Do the jobs of a knowledge base in their order; False where another one is at it."""
        with turn(self._jobs.locks, kb) as free:
            if not free:
                return False
            self._recover(kb)
            while not self._leaving.is_set():
                job = self._next(kb)
                if job is None:
                    return True
                if self._do(job) == "queued":
                    self._leaving.wait(_RETRY)
                elif job.id == until:
                    return True
        return True

    def _recover(self, kb: str) -> None:
        """We hold the turn: what is said to run does not."""
        with self._jobs.workspace.writing() as db:
            sql = f"SELECT {ROW} FROM jobs WHERE kb = ? AND state = 'running'"
            for row in db.execute(sql, (kb,)).fetchall():
                job = self._jobs.taken_row(db, row)
                if job is None:
                    continue
                state: JobState = "queued"
                error = ""
                if job.cancelling:
                    state = "cancelled"
                elif job.attempts >= MOST_ATTEMPTS:
                    state = "failed"
                    error = (
                        f"the program was ended {job.attempts} times while it was at work on this: bring the files in one by "
                        "one, to see which of them it is"
                    )
                self._jobs.write_row(db, replace(job, state=state, cancelling=False, error=error, updated=now()))

    def _next(self, kb: str) -> Job | None:
        """The oldest job that waits, now at work."""
        with self._jobs.workspace.writing() as db:
            sql = f"SELECT {ROW} FROM jobs WHERE kb = ? AND state = 'queued' ORDER BY created, rowid LIMIT 1"
            while (row := db.execute(sql, (kb,)).fetchone()) is not None:
                job = self._jobs.taken_row(db, row)
                if job is not None:
                    job = replace(job, state="running", attempts=job.attempts + 1, updated=now())
                    self._jobs.write_row(db, job)
                    return job
        return None

    def _do(self, job: Job) -> JobState:
        recorder = Recorder(self._jobs, job, self._leaving)
        request = job.request
        state: JobState = "done"
        error, report = "", None
        try:
            with self._opened(Path(job.kb)) as bot:
                try:
                    report = bot.ingest(
                        *request.paths,
                        acl=request.access,
                        sync=request.sync,
                        labels=Labels(request.tags, request.collection),
                        allow_private=request.allow_private,
                        progress=recorder,
                    )
                except Stopped:
                    state = "cancelled" if recorder.cancelled else "queued"
                if state != "queued" and request.uploads:
                    discard(request.uploads, [document.source for document in bot.documents()])
        except LockedError as problem:  # somebody else writes to it: not the job's fault
            log.info("job %s waits: %s", job.id, problem)
            state = "queued"
        except RagbotError as problem:
            state, error = "failed", str(problem)
        except Exception as problem:
            log.exception("job %s failed", job.id)
            state, error = "failed", f"unexpected {type(problem).__name__}: {' '.join(str(problem).split())[:300]}"
        try:
            recorder.finish(state, error, report)
        except StorageError:  # it stays "running", and is begun again by the next one whose turn it is
            log.error("cannot store how job %s ended", job.id)
            raise
        return state

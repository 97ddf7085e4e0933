"""Jobs that bring documents in, in the workspace: asked for, looked at, cancelled; :mod:`ragbot.workspace.jobs_runner`
does the work.

A job is on the disk when :meth:`Jobs.submit` returns, and is then done, or says why it was not: a process that dies
leaves it interrupted, and the next one goes on with it.
"""

from __future__ import annotations

import bisect
import itertools
import logging
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ragbot.errors import CorruptError, UserError
from ragbot.workspace.jobs_records import (
    FINISHED,
    ROW,
    FileOutcome,
    Job,
    JobRequest,
    file_of,
    job_of,
    job_row,
    progress_of,
)
from ragbot.workspace.jobs_turn import FOLDER, is_taken
from ragbot.workspace.records import now
from ragbot.workspace.store import Workspace

log = logging.getLogger(__name__)

#: Finished jobs of a knowledge base that are kept, and by how many more the oldest of them go.
KEPT, _MORE = 200, 50
#: Lines in their reports; where there are more, the oldest go likewise.
LINES = 1_000_000


class Jobs:
    """The jobs of a workspace.

    All methods raise CorruptError where a row is damaged, and StorageError where nothing can be written.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        #: Where the locks lie that tell a job at work from one whose process has died.
        self.locks = workspace.path.parent / FOLDER

    # -- looking -------------------------------------------------------------------------------------------------

    def get(self, identity: str) -> Job:
        """A job. Raises UserError where there is none of this id."""
        with self.workspace.reading() as db:
            job = self.read_row(db, identity)
            return self._standing([self._complete(db, job)])[0]

    def all(self, kb: Path | str | None = None, owner: str | None = None, limit: int | None = None) -> list[Job]:
        """The jobs, the newest first: of one knowledge base, of one who asked, if they are named; damaged ones are left
        out, and logged."""
        wanted = {"kb": None if kb is None else str(kb), "owner": owner}
        named = {column: value for column, value in wanted.items() if value is not None}
        where = f"WHERE {' AND '.join(f'{column} = ?' for column in named)}" if named else ""
        sql = f"SELECT {ROW} FROM jobs {where} ORDER BY created DESC, rowid DESC LIMIT ?"
        with self.workspace.reading() as db:
            rows = db.execute(sql, (*named.values(), -1 if limit is None else limit)).fetchall()
            found = []
            for row in rows:
                try:
                    found.append(self._complete(db, job_of(self.workspace.path, row)))
                except CorruptError as error:
                    log.error("%s", error)
            return self._standing(found)

    def files(
        self, identity: str, outcome: str | None = None, offset: int = 0, limit: int | None = None
    ) -> list[FileOutcome]:
        """What became of the files of a job so far, by source; those with one outcome, if it is named."""
        sql = "SELECT * FROM job_files WHERE job = ? AND (? IS NULL OR outcome = ?) ORDER BY source LIMIT ? OFFSET ?"
        values = (identity, outcome, outcome, -1 if limit is None else limit, offset)
        with self.workspace.reading() as db:
            rows = db.execute(sql, values).fetchall()
        return [file_of(self.workspace.path, row) for row in rows]

    # -- changing ------------------------------------------------------------------------------------------------

    def submit(self, kb: Path | str, request: JobRequest, owner: str = "", token: str | None = None) -> Job:
        """Ask for a job; it is done by whoever runs the jobs of this workspace.

        Args:
            kb: the folder of the knowledge base.
            owner: who asks.
            token: the caller's own name for this request: a second one with it gets the job of the first.

        Raises:
            UserError: there is nothing to bring in, or the token was used for something else.
        """
        if not request.paths:
            raise UserError("there is nothing to bring in: name files or URLs")
        moment = now()
        job = Job(secrets.token_hex(8), str(kb), owner, request, moment, moment, token=token)
        with self.workspace.writing() as db:
            if token is not None:
                sql = f"SELECT {ROW} FROM jobs WHERE kb = ? AND owner = ? AND token = ?"
                row = db.execute(sql, (job.kb, owner, token)).fetchone()
                if row is not None:
                    before = job_of(self.workspace.path, row)
                    if not before.request.same(request):
                        raise UserError(
                            f"the idempotency key {token[:40]!r} was used for another request (job {before.id}): use a "
                            "new one for each"
                        )
                    return self._complete(db, before)
            db.execute(f"INSERT INTO jobs ({ROW}) VALUES ({','.join('?' * 13)})", job_row(job))
        self._forget_old(job.kb)
        return job

    def cancel(self, identity: str) -> Job:
        """Stop a job: one that waits at once, one at work after the file that it is at. What was stored stays.

        Raises UserError where there is none. A finished one stays as it is.
        """
        job = self._cancelled(identity, "queued")
        # A process that dies from now on leaves a note that nobody wants it to go on.
        if job.state == "running" and not is_taken(self.locks, job.kb):
            self._cancelled(identity, "running")
        return self.get(identity)

    def delete(self, identities: Iterable[str]) -> int:
        """Delete finished jobs with their reports, without a trace; returns how many.

        Raises UserError where one is not finished: it has to be cancelled first.
        """
        wanted = list(identities)
        for identity in wanted:
            try:
                job = self.get(identity)
            except CorruptError:
                continue  # nobody can tell how it stands, nor do anything with it
            if not job.finished:
                raise UserError(f"the job {identity} is {job.state}: cancel it first")
        return self._delete(wanted)

    def delete_all(self, kb: Path | str) -> int:
        """Delete what is known of the jobs of a knowledge base that is gone; returns how many there were."""
        with self.workspace.reading() as db:
            found = [row[0] for row in db.execute("SELECT id FROM jobs WHERE kb = ?", (str(kb),))]
        return self._delete(found)

    # -- inside --------------------------------------------------------------------------------------------------

    def _cancelled(self, identity: str, state: str) -> Job:
        """Cancel a job that is stored with this state; one that is not finished otherwise is asked to stop."""
        with self.workspace.writing() as db:
            job = self.read_row(db, identity)
            if job.state == state:
                job = replace(job, state="cancelled", cancelling=False, updated=now())
            elif job.state == "running":
                job = replace(job, cancelling=True, updated=now())
            else:
                return job
            self.write_row(db, job)
        return job

    def _delete(self, identities: list[str]) -> int:
        if not identities:
            return 0
        with self.workspace.deleting() as db:
            wanted = [(identity,) for identity in identities]
            return db.executemany("DELETE FROM jobs WHERE id = ?", wanted).rowcount

    def _forget_old(self, kb: str) -> None:
        sql = (
            "SELECT id, state, (SELECT count(*) FROM job_files WHERE job = id) FROM jobs WHERE kb = ? "
            "ORDER BY created DESC, rowid DESC"
        )
        with self.workspace.reading() as db:
            found = [(row[0], row[2]) for row in db.execute(sql, (kb,)) if row[1] in FINISHED]
        lines = list(itertools.accumulate(count for _, count in found))
        most = bisect.bisect_right(lines, LINES)
        if len(found) >= KEPT + _MORE or (most < len(found) and found[1:]):
            self._delete([identity for identity, _ in found[max(min(KEPT, most), 1) :]])

    def read_row(self, db: sqlite3.Connection, identity: str) -> Job:
        """A job as it is stored, inside a transaction. Raises UserError where there is none."""
        row = db.execute(f"SELECT {ROW} FROM jobs WHERE id = ?", (identity,)).fetchone()
        if row is None:
            raise UserError(f"there is no job {identity[:40]!r}: it may have been deleted")
        return job_of(self.workspace.path, row)

    def _complete(self, db: sqlite3.Connection, job: Job) -> Job:
        """The job with how far it has come."""
        counts = dict(db.execute("SELECT outcome, count(*) FROM job_files WHERE job = ? GROUP BY 1", (job.id,)))
        row: Any = db.execute("SELECT progress FROM job_progress WHERE job = ?", (job.id,)).fetchone()
        return replace(job, counts=counts, progress=progress_of(row[0] if row else None))

    def taken_row(self, db: sqlite3.Connection, row: Sequence[Any]) -> Job | None:
        """The job of a row that is to be worked on, inside a transaction; a damaged one fails, and must not stop others."""
        try:
            return job_of(self.workspace.path, row)
        except CorruptError as error:
            log.error("%s", error)
            moment = now()
            failed = Job(row[0], row[1], "", JobRequest(()), moment, moment, "failed", error=str(error))
            db.execute(f"INSERT OR REPLACE INTO jobs ({ROW}) VALUES ({','.join('?' * 13)})", job_row(failed))
            return None

    def write_row(self, db: sqlite3.Connection, job: Job) -> None:
        """Write a job that is there, inside a transaction."""
        row = job_row(job)
        sql = (
            "UPDATE jobs SET updated = ?, state = ?, cancel = ?, attempts = ?, error = ?, request = ?, report = ?, checksum = ? "
            "WHERE id = ?"
        )
        db.execute(sql, (*row[5:13], job.id))

    def _standing(self, jobs: list[Job]) -> list[Job]:
        """The jobs as they stand: what is said to run is interrupted where nobody is at work."""
        taken = {job.kb: True for job in jobs if job.state == "running"}
        for kb in taken:
            taken[kb] = is_taken(self.locks, kb)
        return [
            replace(job, state="interrupted") if job.state == "running" and not taken[job.kb] else job for job in jobs
        ]

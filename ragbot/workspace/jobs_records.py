"""Jobs that bring documents in: what was asked for, how it stands, what became of each file; and their rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from ragbot.errors import CorruptError
from ragbot.index.records import checksum
from ragbot.workspace.records import clean

JobState = Literal["queued", "running", "interrupted", "done", "failed", "cancelled"]
Outcome = Literal["added", "updated", "skipped", "failed", "ignored", "removed"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
#: ``interrupted`` is not stored: it is a running one whose process has died.
STORED = frozenset(get_args(JobState)) - {"interrupted"}
#: Nothing more happens to these.
FINISHED: frozenset[str] = frozenset({"done", "failed", "cancelled"})
ROW = "id, kb, owner, token, created, updated, state, cancel, attempts, error, request, report, checksum"
_COLUMNS = 12


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What is to be brought in, and how.

    Args:
        paths: files, folders and archives, by absolute path, and URLs.
        uploads: those of ``paths`` that are our own copies, made for this job: one that becomes no document is deleted.
        access: groups that may see the documents, empty for everyone; None keeps what an old one had.
        tags, collection: as :class:`ragbot.index.labels.Labels` takes them.
        sync: also remove the documents whose files have vanished from the folders that are named.
        allow_private: whether a URL may name a host in a private network; None: as the settings say.
    """

    paths: tuple[str, ...]
    uploads: tuple[str, ...] = ()
    access: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    collection: str | None = None
    sync: bool = False
    allow_private: bool | None = None

    def __post_init__(self) -> None:
        """Refuse a string where a list is meant: its letters would pass for paths or groups."""
        for name in ("paths", "uploads", "access", "tags"):
            if isinstance(getattr(self, name), str):
                raise TypeError(f"{name} takes a tuple of strings, not the string {getattr(self, name)!r}")

    def same(self, other: JobRequest) -> bool:
        """Whether the other asks for the same; which copies were made for it does not count."""
        return {**asdict(self), "uploads": ()} == {**asdict(other), "uploads": ()}


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a run has come.

    ``files`` and ``bytes`` are through, of ``total_files`` and ``total_bytes``; ``chunks`` were stored; ``current`` is the
    source that was worked on last. ``rate`` are bytes a second that were read and embedded, ``left`` the seconds that the
    rest takes at this rate, None while it is too early to say; ``seconds`` have passed.
    """

    files: int = 0
    total_files: int = 0
    bytes: int = 0
    total_bytes: int = 0
    chunks: int = 0
    current: str = ""
    seconds: float = 0.0
    rate: float = 0.0
    left: float | None = None


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one source; ``reason`` says why where it failed."""

    source: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A job.

    ``kb`` is the folder of the knowledge base, ``owner`` the id of the key that asked for it (empty: the owner of the
    machine), ``attempts`` how often it was begun. ``created`` and ``updated`` are ISO 8601 times in UTC. ``counts`` are
    files by what became of them, ``report`` the sums of the report of a job that is done (``chunks``, ``characters``, …).
    """

    id: str
    kb: str
    owner: str
    request: JobRequest
    created: str
    updated: str
    state: JobState = "queued"
    cancelling: bool = False
    attempts: int = 0
    error: str = ""
    token: str | None = None
    report: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    progress: JobProgress | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in FINISHED


def job_row(job: Job) -> tuple[Any, ...]:
    """The columns of :data:`ROW`."""
    columns = (job.id, job.kb, job.owner, job.token, job.created, job.updated, job.state, int(job.cancelling))
    texts = (clean(job.error), _json(asdict(job.request)), _json(dict(job.report)) if job.report else "")
    columns = (*columns, job.attempts, *texts)  # type: ignore[assignment]
    return (*columns, checksum(*columns))


def job_of(path: Path, row: Sequence[Any]) -> Job:
    """The job of a row. Raises CorruptError."""
    try:
        if checksum(*row[:_COLUMNS]) != row[_COLUMNS] or row[6] not in STORED:
            raise ValueError("its checksum does not match")
        request = json.loads(row[10])
        lists = {name: None if request[name] is None else tuple(request[name]) for name in ("access", "tags")}
        lists |= {name: tuple(request[name]) for name in ("paths", "uploads")}
        return Job(
            id=row[0],
            kb=row[1],
            owner=row[2],
            token=row[3],
            created=row[4],
            updated=row[5],
            state=row[6],
            cancelling=bool(row[7]),
            attempts=row[8],
            error=row[9],
            request=JobRequest(**{**request, **lists}),
            report=json.loads(row[11]) if row[11] else {},
        )
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptError(
            f"the job {row[0]} in {path} is damaged ({error}); delete it, and ask for it again"
        ) from error


def file_row(job: str, file: FileOutcome) -> tuple[Any, ...]:
    """The row of what became of a source."""
    columns = (job, clean(file.source), file.outcome, clean(file.reason))
    return (*columns, checksum(*columns))


def file_of(path: Path, row: Sequence[Any]) -> FileOutcome:
    """What became of a source. Raises CorruptError."""
    if checksum(*row[:4]) != row[4] or row[2] not in OUTCOMES:
        raise CorruptError(f"the report of the job {row[0]} in {path} is damaged; bring the files in once more")
    return FileOutcome(row[1], row[2], row[3])


def progress_of(text: str | None) -> JobProgress | None:
    """A stored moment; None where there is none that can be read: it is worth no error."""
    try:
        return JobProgress(**json.loads(text)) if text else None
    except (ValueError, TypeError):
        return None


def _json(value: Any) -> str:
    return clean(json.dumps(value, ensure_ascii=False, sort_keys=True))

"""Files and pages that somebody hands over: checked, kept, and made a job, which is on the disk before anybody is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragbot.composing.documents import DocumentKeeper
from ragbot.documents import Document, FailedSource, IngestReport
from ragbot.errors import LoaderError, SourceError, UserError
from ragbot.index.access import access_list, is_seen
from ragbot.index.archives import archive_of
from ragbot.index.filters import Filter
from ragbot.index.labels import Labels
from ragbot.workspace.jobs import Jobs
from ragbot.workspace.jobs_records import OUTCOMES, Job, JobRequest
from ragbot.workspace.jobs_uploads import Kept, discard, keep

_MIB = 1 << 20
_SUMS = ("chunks", "embedded", "characters", "contexts", "contexts_failed")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who hands documents over.

    Args:
        owner: what jobs are stored under: the id of a key, empty for the owner of the machine.
        where: of this, only who asks counts (``principals``).
        allow_private: whether URLs may name hosts in a private network; None: as the settings say.
    """

    owner: str = ""
    where: Filter | None = None
    allow_private: bool | None = None


def submit(
    bot: DocumentKeeper,
    jobs: Jobs,
    files: Sequence[Path] = (),
    urls: Sequence[str] = (),
    *,
    names: Sequence[str] = (),
    labels: Labels | None = None,
    access: Sequence[str] | None = None,
    asker: Asker | None = None,
) -> Job:
    """Keep files in the knowledge base's folder, and ask for a job that brings them and the pages in.

    The caller's files stay where they are. Nothing is kept where one of them cannot be.

    Args:
        files: what was sent; each is copied.
        urls: addresses of pages.
        names: what the files are called, in the same order; default: their own names.
        labels: tags and a collection for the documents.
        access: groups that may see them, empty for everyone; None keeps what an old one had.
        asker: default: the owner of the machine.

    Raises:
        UserError: there is nothing, a file is empty or too large, or an address cannot be fetched by anybody.
        StorageError: a file cannot be kept.
    """
    asker, labels = asker or Asker(), labels or Labels()
    allowed = None if access is None else access_list(access)
    pages = [_page(bot, url, asker) for url in dict.fromkeys(filter(None, map(str.strip, urls)))]
    most = bot.settings.ingest.max_file_mb * _MIB
    kept: list[Kept] = []
    try:
        for file, name in zip(files, names or [file.name for file in files], strict=True):
            with file.open("rb") as content:
                kept.append(keep(bot.kb.folder, name, content, most, _reusable(bot, asker)))
        paths = tuple(dict.fromkeys([*(str(one.path) for one in kept), *pages]))
        new = tuple(str(one.path) for one in kept if one.is_new)
        request = JobRequest(paths, new, allowed, labels.tags, labels.collection, allow_private=asker.allow_private)
        return jobs.submit(bot.kb.folder, request, asker.owner)
    except BaseException:
        discard((one.path for one in kept if one.is_new), [document.source for document in bot.documents()])
        raise


def submit_again(bot: DocumentKeeper, jobs: Jobs, source: str, asker: Asker | None = None) -> Job:
    """Ask for a job that reads a document's file or page once more; what has not changed is skipped.

    Raises:
        SourceError: the asker may not see it, its file is gone, or it never was a file.
    """
    from ingest.web.address import is_url

    asker = asker or Asker()
    known = bot.kb.catalog.document_at(source)
    if known is None or not is_seen(known, asker.where):
        raise SourceError(f"there is no document {source[:200]!r}: it may have been removed")
    origin = archive_of(known.source)
    if not is_url(origin):
        path = Path(origin)
        if not path.is_absolute():
            raise SourceError(
                f"{origin[:200]} is no file that could be read again: it was brought in by a program; bring it in anew"
            )
        if not path.exists():
            raise SourceError(f"{origin[:200]} is not there any more: add the file again, or delete the document")
    return jobs.submit(bot.kb.folder, JobRequest((origin,), allow_private=asker.allow_private), asker.owner)


def report_of(jobs: Jobs, job: Job) -> IngestReport:
    """What became of the files of a job so far, as the report of a run. Raises CorruptError."""
    found: dict[str, list[str]] = {outcome: [] for outcome in OUTCOMES}
    failed = []
    for file in jobs.files(job.id):
        if file.outcome == "failed":
            failed.append(FailedSource(file.source, file.reason))
        else:
            found[file.outcome].append(file.source)
    sums = {name: int(job.report.get(name, 0)) for name in _SUMS}
    seconds = job.report.get("seconds") or (job.progress.seconds if job.progress else 0.0)
    return IngestReport(
        added=tuple(found["added"]),
        updated=tuple(found["updated"]),
        skipped=tuple(found["skipped"]),
        failed=tuple(failed),
        removed=tuple(found["removed"]),
        ignored=tuple(found["ignored"]),
        seconds=float(seconds),
        **sums,
    )


def _page(bot: DocumentKeeper, url: str, asker: Asker) -> str:
    """The address as it is kept. Raises UserError."""
    from ingest.web.address import parse_url

    try:
        address = parse_url(url).url
    except LoaderError as error:
        raise UserError(str(error)) from error
    known = bot.kb.catalog.document_at(address)
    if known is not None and not is_seen(known, asker.where):  # its text and its access list are not the asker's
        raise UserError(f"{url[:200]} cannot be brought in with this key")
    return address


def _reusable(bot: DocumentKeeper, asker: Asker) -> Callable[[Path], bool]:
    """Whether the asker may know that these very bytes are there already."""

    def reusable(path: Path) -> bool:
        known: Document | None = bot.kb.catalog.document_at(str(path))
        everything = asker.where is None or asker.where.principals is None
        return everything or (known is not None and is_seen(known, asker.where))

    return reusable

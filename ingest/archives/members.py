"""Archives as sources that hold several documents: ``notes.zip!/zh/lora.md``.

Members are copied, one at a time, to a private file under a random name; nothing is written to a path made of a
member's name, and no link is followed. What an archive may cost is in :mod:`ingest.archives.budget`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ingest.archives.budget import ArchiveLimits, Budget, ExhaustedError
from ingest.archives.entries import ArchiveError, Entry, EntryError
from ingest.archives.names import (
    ARCHIVE_SUFFIXES,
    UnsafeNameError,
    document_suffix,
    is_archive,
    is_passed_over,
    normal_name,
    shown,
)
from ingest.archives.tar import packing_of, tar_entries
from ingest.archives.zip import is_zip, zip_entries
from ingest.loaders import SUPPORTED_SUFFIXES
from ingest.temporary import PrivateFolder
from ragbot.documents import FailedSource
from ragbot.index.archives import INSIDE

__all__ = ["ARCHIVE_SUFFIXES", "INSIDE", "ArchiveLimits", "Ignored", "Member", "is_archive", "members"]

_ADVICE = "unpack it and ingest the files"


@dataclass(frozen=True, slots=True)
class Member:
    """A document inside an archive: its source and name, and a private file that holds its bytes.

    ``path`` is the consumer's to remove; :func:`ingest.temporary.load_as` reads it under its own name.
    """

    source: str
    name: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """A member that no loader reads."""

    source: str


def members(
    path: Path,
    folder: PrivateFolder,
    limits: ArchiveLimits | None = None,
    suffixes: Collection[str] = SUPPORTED_SUFFIXES,
) -> Iterator[Member | Ignored | FailedSource]:
    """The documents in the archive ``path`` and in archives inside it, in their order, copied into ``folder``.

    What cannot be read is an item too: a member that is protected, damaged, too large, a link or badly named stops
    nothing, and an archive that is damaged or costs too much gives what was read up to there, and a failure at its end.
    Hidden members and folders are left out. ``suffixes`` are those of documents.

    Raises:
        OSError: the archive cannot be opened, or the folder for temporary files cannot be written.
    """
    limits = limits or ArchiveLimits()
    with path.open("rb") as file:
        budget = Budget(limits, path.stat().st_size)
        walk = _Walk(budget, folder, suffixes)
        try:
            yield from walk.archive(file, path.name, str(path), 1)
        except ExhaustedError as error:
            reason = f"{path.name} looks like a decompression bomb or is too much at once ({error}): "
            yield FailedSource(str(path), f"{reason}the rest of it is not read; {_ADVICE}")


@dataclass(slots=True)
class _Walk:
    budget: Budget
    folder: PrivateFolder
    suffixes: Collection[str]
    # By the source of the archive, so that an archive inside another has names of its own.
    _seen: set[str] = field(default_factory=set)

    def archive(self, file: BinaryIO, name: str, source: str, depth: int) -> Iterator[Member | Ignored | FailedSource]:
        try:
            for entry in self._entries(file, name):
                yield from self._entry(entry, source, depth)
        except ArchiveError as error:
            yield FailedSource(source, f"{shown(name)} cannot be read to its end: {error}; pack it again, or {_ADVICE}")

    def _entries(self, file: BinaryIO, name: str) -> Iterator[Entry]:
        head = file.read(512)
        file.seek(0)
        if not head:
            raise ArchiveError("it is empty")
        # A tar may end in a ZIP archive, and zipfile would find that: the first bytes decide, then the name.
        if is_zip(head) or (name.lower().endswith(".zip") and head[257:262] != b"ustar"):
            return zip_entries(file, self.budget)
        return tar_entries(file, packing_of(head), self.budget)

    def _entry(self, entry: Entry, archive: str, depth: int) -> Iterator[Member | Ignored | FailedSource]:
        source = f"{archive}{INSIDE}{shown(entry.name)}"
        try:
            name = normal_name(entry.name)
        except UnsafeNameError as error:
            yield FailedSource(source, f"{error}: it is not read; pack it under a plain relative name")
            return
        if is_passed_over(name):
            return
        source = f"{archive}{INSIDE}{name}"
        suffix = document_suffix(name, self.suffixes)
        inner = is_archive(name)
        if entry.refusal:
            yield FailedSource(source, f"{name} is not read: {entry.refusal}")
        elif not suffix and not inner:
            yield Ignored(source)
        elif source in self._seen:
            yield FailedSource(
                source, f"{name} is in the archive more than once: the first was read; rename the others"
            )
        elif entry.size > self.budget.limits.member_bytes:
            size, limit = entry.size / 2**20, self.budget.limits.member_bytes / 2**20
            yield FailedSource(source, f"{name} is too large: {size:,.1f} MiB, at most {limit:,.1f} MiB are read")
        elif inner and depth >= self.budget.limits.depth:
            yield FailedSource(
                source, f"{name} lies {depth} archives deep, and deeper ones are not opened; unpack it first"
            )
        else:
            self._seen.add(source)
            yield from self._opened(entry, name, source, suffix, depth)

    def _opened(
        self, entry: Entry, name: str, source: str, suffix: str, depth: int
    ) -> Iterator[Member | Ignored | FailedSource]:
        last = name.rpartition("/")[2]
        path, file = self.folder.create(suffix)
        is_ours = True
        try:
            with file:
                size = self._copy(entry, file)
            if is_archive(name):
                with path.open("rb") as copy:
                    yield from self.archive(copy, last, source, depth + 1)
            else:
                is_ours = False
                yield Member(source, last, path, size)
        except EntryError as error:
            yield FailedSource(source, f"{name} is not read: {error}")
        finally:
            if is_ours:
                path.unlink()

    def _copy(self, entry: Entry, file: BinaryIO) -> int:
        size = 0
        for piece in entry.read():
            size += len(piece)
            file.write(piece)
        return size

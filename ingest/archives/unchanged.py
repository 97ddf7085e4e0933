"""Which archives need not be unpacked again: those whose members were all taken, and that are what they were then."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Set
from pathlib import Path

from ingest.checks import check_file, hash_file
from ragbot.index.archives import INSIDE
from ragbot.index.catalog import Catalog
from ragbot.index.records import FileState


class KnownArchives:
    """Compares archives with what the catalog notes of them.

    The note holds the hash of the file, what its members are made into, and a digest of their documents: a document
    that is removed, added or made otherwise by anybody means that the archive is read again.

    Args:
        catalog: held for writing.
        made: what the members are made into: loaders, readers, chunker and limits. Another one: read again.
        again: read every archive again.
    """

    def __init__(self, catalog: Catalog, made: Iterable[str], again: bool) -> None:
        self._catalog = catalog
        self._made = _digest(made)
        self._again = again
        self._read: dict[str, FileState] = {}

    def unchanged(self, path: Path) -> list[str] | None:
        """The sources of an archive's members if it is what it was when they were all taken, else None.

        Raises:
            LoaderError: it is no regular file, or its name cannot be stored.
            OSError: it cannot be read.
        """
        status, source = path.stat(), str(path)
        check_file(path, status, status.st_size)  # an archive may be of any size, its members may not
        known = self._catalog.archive_state(source)
        if self._again:
            known = None
        inside = self._catalog.members_of(source) if known else {}
        end = self._end(source, inside)
        if known and known.content_hash.endswith(end):
            if (known.size, known.mtime_ns) == (status.st_size, status.st_mtime_ns):
                return list(inside)
        # Looked at before it is unpacked: what is written to it meanwhile makes it another one the next time.
        state = FileState(hash_file(path), status.st_size, status.st_mtime_ns)
        if known and known.content_hash == state.content_hash + end:
            self._catalog.note_archive(source, FileState(known.content_hash, state.size, state.mtime_ns))
            return list(inside)
        self._read[source] = state
        return None

    def note(self, inside: Mapping[str, Set[str]], taken: Set[str]) -> None:
        """Note the archives of which every member was taken.

        Args:
            inside: the members of the archives that were read to their end without a failure.
            taken: the sources that were committed, or found to be unchanged.
        """
        for source, members in inside.items():
            state = self._read.get(source)
            if state is None or not members <= taken:
                continue
            if not _is_still(source, state):  # replaced while it was read: whose members are these?
                continue
            held = self._catalog.members_of(source)
            # Documents of members that have vanished: the next run with sync has to know what is inside.
            if held.keys() == members:
                digest = state.content_hash + self._end(source, held)
                self._catalog.note_archive(source, FileState(digest, state.size, state.mtime_ns))

    def _end(self, source: str, held: Mapping[str, str]) -> str:
        # Without the archive's own path, so that the note stays true where that moves.
        start = len(source) + len(INSIDE)
        return f"/{self._made}/{_digest(part for item, digest in held.items() for part in (item[start:], digest))}"


def _is_still(source: str, state: FileState) -> bool:
    """Whether the file is the one that was looked at before it was read."""
    try:
        status = Path(source).stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (state.size, state.mtime_ns)


def _digest(parts: Iterable[str]) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8"), digest_size=16).hexdigest()

"""What the readers of the archive formats give to :mod:`ingest.archives.members`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


class ArchiveError(Exception):
    """The archive, or what is left of it, cannot be read; the message says what it is."""


class EntryError(Exception):
    """One member cannot be read; the others can."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A member other than a folder: ``name`` as the archive has it, the size it declares, and its bytes in pieces.

    ``refusal`` says why it is not to be read, if so.
    """

    name: str
    size: int
    refusal: str
    read: Callable[[], Iterator[bytes]]

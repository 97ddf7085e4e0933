"""Whose turn it is: one process at a time works on the jobs of a knowledge base.

The operating system frees the lock of a process that dies, however it dies. So whoever holds it knows that a job of this
knowledge base that is said to run does not: its process is gone. A process id would tell less, since it is given again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ragbot.errors import StorageError

FOLDER = "jobs"


@contextmanager
def turn(folder: Path, kb: str) -> Iterator[bool]:
    """Take the turn for the knowledge base ``kb``; yields whether it was free.

    Args:
        folder: where the locks lie.

    Raises:
        StorageError: the lock cannot be made.
    """
    lock = FileLock(folder / f"{hashlib.sha256(kb.encode('utf-8', 'replace')).hexdigest()[:24]}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    except OSError as error:
        raise StorageError(f"cannot write to {folder}: {error.strerror or error}; check the rights") from error
    try:
        yield True
    finally:
        lock.release()


def is_taken(folder: Path, kb: str) -> bool:
    """Whether a living process works on the jobs of ``kb``."""
    with turn(folder, kb) as free:
        return not free

"""One writer at a time for a knowledge base, across processes."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ragbot.errors import LockedError, StorageError

log = logging.getLogger(__name__)

LOCK_FILE = "writer.lock"
HOLDER_FILE = "writer.json"


@contextmanager
def writer_lock(folder: Path, wait: float = 10.0) -> Iterator[None]:
    """Hold the writer's lock of the knowledge base in ``folder``; the operating system frees it if we die.

    Args:
        wait: seconds to wait for another writer.

    Raises:
        LockedError: another process still holds it; the message says which.
        StorageError: the folder cannot be written to.
    """
    lock = FileLock(folder / LOCK_FILE)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.warning("waiting for %s to finish writing to %s", holder(folder), folder)
            lock.acquire(timeout=wait)
    except Timeout:
        raise LockedError(
            f"{folder} is being written by {holder(folder)}; wait until it has finished, or stop it"
        ) from None
    except OSError as error:
        raise StorageError(f"cannot write to {folder}: {error.strerror or error}; check the rights") from error
    try:
        note = {"pid": os.getpid(), "command": " ".join(sys.argv)[:200], "since": datetime.now(UTC).isoformat()}
        with suppress(OSError):  # a courtesy to the next writer: a full disk is told of where it matters
            (folder / HOLDER_FILE).write_text(json.dumps(note), encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            (folder / HOLDER_FILE).unlink(missing_ok=True)
        lock.release()


def holder(folder: Path) -> str:
    """Who holds the lock, in words."""
    try:
        note = json.loads((folder / HOLDER_FILE).read_text(encoding="utf-8"))
        return f"process {note['pid']} ({note['command']}, since {note['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"

"""One writer at a time for a knowledge base, across processes."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ragbot.errors import LockedError

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
    try:
        note = {"pid": os.getpid(), "command": " ".join(sys.argv)[:200], "since": datetime.now(UTC).isoformat()}
        (folder / HOLDER_FILE).write_text(json.dumps(note), encoding="utf-8")
        yield
    finally:
        (folder / HOLDER_FILE).unlink(missing_ok=True)
        lock.release()


def holder(folder: Path) -> str:
    """Who holds the lock, in words."""
    try:
        note = json.loads((folder / HOLDER_FILE).read_text(encoding="utf-8"))
        return f"process {note['pid']} ({note['command']}, since {note['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"

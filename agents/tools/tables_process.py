"""The other end of ``tables_worker``: starts it, waits for its replies no longer than allowed, and starts it again."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
#: Seconds that the worker gets to stop by itself before it is killed.
_GRACE = 2.0


@dataclass(frozen=True, slots=True)
class TableLimits:
    """Bounds on a query.

    Attributes:
        seconds: of one query.
        load_seconds: of loading all files.
        memory_mb: of the process, MiB.
        rows: that a result shows.
    """

    seconds: float = 10.0
    load_seconds: float = 120.0
    memory_mb: int = 2048
    rows: int = 50


class LateError(Exception):
    """There was no reply in time."""


class CrashedError(Exception):
    """The process ended instead of replying."""


class TableProcess:
    """The tables of some files, in a process of their own.

    Args:
        files: what to load.
        limits: how much of everything.
    """

    def __init__(self, files: Sequence[Path], limits: TableLimits) -> None:
        self._files = [str(file.absolute()) for file in files]
        self._limits = limits
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._replies: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._finalizer: weakref.finalize[Any, Any] | None = None

    def load(self) -> dict[str, Any]:
        """What was loaded: ``tables`` by name, and ``failed`` files with the reason.

        Raises:
            LateError, CrashedError: it took too long, or too much memory.
        """
        with self._lock:
            return self._started()

    def query(self, sql: str) -> dict[str, Any]:
        """The reply to one query; the process is started again where it has ended.

        Raises:
            LateError, CrashedError: likewise; the next query starts it anew.
        """
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._started()
            request = {"sql": sql, "seconds": self._limits.seconds, "rows": self._limits.rows}
            reply = self._asked(request, self._limits.seconds + _GRACE)
            if reply.get("retire"):
                self._end()
            return reply

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _started(self) -> dict[str, Any]:
        self._end()
        self._process = subprocess.Popen(
            # -P: the working folder is no place to import from.
            [sys.executable, "-P", "-m", "agents.tools.tables_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1"},
        )
        self._replies = queue.SimpleQueue()
        threading.Thread(target=_read, args=(self._process, self._replies), daemon=True).start()
        self._finalizer = weakref.finalize(self, _killed, self._process)
        return self._asked({"files": self._files, "memory_mb": self._limits.memory_mb}, self._limits.load_seconds)

    def _asked(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        if self._process is None or self._process.stdin is None:
            raise CrashedError
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._replies.get(timeout=seconds)
        except queue.Empty:
            self._end()
            raise LateError from None
        except OSError:
            line = ""
        if not line:
            self._end()
            raise CrashedError
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _end(self) -> None:
        if self._finalizer:
            self._finalizer()
        self._process, self._finalizer = None, None


def _read(process: subprocess.Popen[str], replies: queue.SimpleQueue[str]) -> None:
    if process.stdout is not None:
        for line in process.stdout:
            replies.put(line)
    replies.put("")


def _killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                continue  # what was still to be written has nobody to go to

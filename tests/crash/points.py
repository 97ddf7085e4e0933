"""Watches where a process writes: every step is a named point at which it can be killed, or told that it failed.

The names say who did it and what: ``ragbot.index.container:replace_file os.replace(vectors.ragbot)``. Nothing of this
is known to the code that is watched: the functions of the standard library are replaced in the child alone.
"""

from __future__ import annotations

import io
import os
import re
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).absolute().parents[2]
_OURS = tuple(str(ROOT / name) + os.sep for name in ("ragbot", "ingest", "agents", "apps", "eval"))
_RANDOM = re.compile(r"[0-9a-f]{8,}|(?<=ragbot-export-)[^/]+|(?<=ragbot-import-)[^/]+")
_ANONYMOUS = re.compile(r"[a-z]{2}\d\d\.(md|txt)")
#: What SQLite is asked that changes a file, or ends a transaction.
_WRITES = re.compile(
    r"\s*(BEGIN IMMEDIATE|COMMIT|ROLLBACK|INSERT|UPDATE|DELETE|CREATE|ALTER|VACUUM|REINDEX|PRAGMA .*[=(])", re.I
)
_WORDS = re.compile(r"[\w().=]+")


@dataclass(frozen=True, slots=True)
class Stop:
    """Where to stop: before or after the ``occurrence``-th time (from 1) that this point is reached.

    With ``error`` (a number of errno) the step fails instead.
    """

    name: str
    occurrence: int
    when: str
    error: int = 0


@dataclass
class Tracer:
    """Counts the points that are passed; kills the process at one of them."""

    stop: Stop | None = None
    #: The n-th write to a file (from 1) fails, whoever writes it, and all that follow.
    failing_write: int = 0
    error: int = 0
    passed: list[str] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _writes: int = 0

    def step(self, what: str, do: Callable[[], Any]) -> Any:
        """Do one step of the program that is watched."""
        caller = _caller()
        if caller is None:
            return do()
        name = f"{caller} {_RANDOM.sub('*', what)}"
        self._counts[name] += 1
        self.passed.append(name)
        stop = self.stop
        here = stop is not None and stop.name == name and stop.occurrence == self._counts[name]
        if here and stop is not None and stop.error:
            raise OSError(stop.error, os.strerror(stop.error))
        if here and stop is not None and stop.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.failing_write and what.startswith("write("):
            self._writes += 1
            if self._writes >= self.failing_write:
                raise OSError(self.error, os.strerror(self.error))
        try:
            return do()
        finally:
            if here:
                os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Watch this process from now on."""
        for name in ("replace", "rename", "link", "unlink", "remove", "mkdir", "rmdir"):
            self._watch_os(name)
        fsync = os.fsync
        os.fsync = lambda fd: self.step(f"fsync({_named(fd)})", lambda: fsync(fd))
        opened = io.open

        def watched_open(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
            handle = opened(file, mode, *args, **options)
            if isinstance(file, int) or not set(mode) & set("wax+"):
                return handle
            return _Written(handle, _shown(file), self)

        io.open = watched_open  # pathlib and zipfile look it up there
        connect = sqlite3.connect
        tracer = self

        class Watched(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                return tracer._sql(sql, lambda: super(Watched, self).execute(sql, *values))  # type: ignore[no-any-return]

            def executemany(self, sql: str, *values: Any) -> sqlite3.Cursor:
                return tracer._sql(sql, lambda: super(Watched, self).executemany(sql, *values))  # type: ignore[no-any-return]

            def close(self) -> None:
                tracer.step("sql CLOSE", lambda: super(Watched, self).close())

        sqlite3.connect = lambda *args, **options: connect(*args, **{"factory": Watched, **options})

    def _watch_os(self, name: str) -> None:
        real = getattr(os, name)
        setattr(
            os,
            name,
            lambda path, *rest, **options: self.step(
                f"os.{name}({_shown(rest[0] if rest and name in {'replace', 'rename', 'link'} else path)})",
                lambda: real(path, *rest, **options),
            ),
        )

    def _sql(self, sql: str, do: Callable[[], sqlite3.Cursor]) -> Any:
        if not _WRITES.match(sql):
            return do()
        return self.step(f"sql {' '.join(_WORDS.findall(sql)[:3])}", do)


class _Written:
    """A file that tells the tracer of each write."""

    def __init__(self, handle: Any, name: str, tracer: Tracer) -> None:
        self._handle, self._name, self._tracer = handle, name, tracer

    def write(self, data: Any) -> Any:
        return self._tracer.step(f"write({self._name})", lambda: self._handle.write(data))

    def __enter__(self) -> _Written:
        self._handle.__enter__()
        return self

    def __exit__(self, *reason: Any) -> Any:
        return self._handle.__exit__(*reason)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)


def _caller() -> str | None:
    """The function of ours that is at work."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith(_OURS):
            return f"{frame.f_globals['__name__']}:{frame.f_code.co_name}"
        frame = frame.f_back
    return None


def _shown(path: Any) -> str:
    return _ANONYMOUS.sub("DOCUMENT", Path(os.fsdecode(path)).name)


def _named(handle: Any) -> str:
    number = handle if isinstance(handle, int) else handle.fileno()
    path = Path(f"/proc/self/fd/{number}").readlink()
    return "folder" if path.is_dir() else _shown(path)

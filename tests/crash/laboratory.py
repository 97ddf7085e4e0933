"""Starts operations in processes of their own, kills them, and tells what they said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).absolute().parents[2]
#: The stores that every experiment is made with; others (``CRASH_STORES=faiss,chroma``) take minutes.
STORES = tuple(os.environ.get("CRASH_STORES", "faiss").split(","))
#: Those that several processes may have open: embedded Chroma serves one.
SHARED = tuple(store for store in STORES if store != "chroma")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an operation: its result, or the error of ours that refused it, or the traceback of another one.

    ``signal`` is the one that ended the process (0: none); ``late`` if it hung and was killed for it.
    """

    acks: tuple[str, ...]
    seconds: float
    signal: int
    late: bool
    result: Any
    refused: Mapping[str, Any] | None
    failed: str | None
    points: tuple[str, ...]

    def done(self) -> Any:
        """The result. Raises AssertionError where there is none."""
        assert not self.failed, self.failed
        assert not self.signal, f"ended by signal {self.signal}, late: {self.late}"
        assert not self.refused, self.refused
        return self.result


class Laboratory:
    """A context manager around the server of :mod:`tests.crash.server`; ``folder`` is for its settings."""

    def __init__(self, folder: Path) -> None:
        (folder / "ragbot.toml").touch()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAGBOT_")}
        environment = {
            "RAGBOT_CONFIG": str(folder / "ragbot.toml"),
            "RAGBOT_DATA_DIR": str(folder / "data"),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**kept, **environment},
        )
        assert self._answer() == "ready"

    def start(self, op: str, folder: Path, **request: Any) -> int:
        """Start an operation on the knowledge base in ``folder``; returns the process's id."""
        return int(self._ask({"op": op, "folder": str(folder), "store": "faiss", **request}))

    def wait(self, pid: int) -> Outcome:
        """Wait until it has ended."""
        said = self._ask({"wait": pid})
        return Outcome(
            acks=tuple(said["acks"]),
            seconds=said["seconds"],
            signal=said["signal"],
            late=said["late"],
            result=said.get("result"),
            refused=said.get("refused"),
            failed=said.get("failed"),
            points=tuple(said.get("points", ())),
        )

    def run(self, op: str, folder: Path, **request: Any) -> Outcome:
        """Both. ``kill_after`` seconds, ``trace`` (see :class:`tests.crash.points.Tracer`), ``file_bytes``, ``nobody``."""
        return self.wait(self.start(op, folder, **request))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)

    def _ask(self, request: Mapping[str, Any]) -> Any:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the laboratory's server has ended; see its standard error"
        return json.loads(line)

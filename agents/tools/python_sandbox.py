"""A program in a process of its own: without network, without the person's files, within limits.

What protects, where the system has it (Linux with user namespaces, on x86-64 and ARM64): see ``python_launcher``. What does
not: the kernel itself is shared, so a flaw in it is a way out; and the processor's time is used. Where any of it cannot be
had (macOS, Windows, containers without user namespaces), nothing is run, unless the caller says that limits on memory, time
and output are enough; the program can then read and change what the person can, and use the network.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

_UNSHARE = "--user --map-root-user --net --pid --fork --kill-child --mount --ipc --uts --cgroup".split()
_LAUNCHER = Path(__file__).with_name("python_launcher.py")
#: What an interpreter needs besides its own folder.
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")
#: Seconds that it may take until the program begins: another interpreter is started before, and the machine may be busy.
_START = 60.0
#: Seconds beyond the limit, so that the limit on processor time ends what only computes.
_GRACE = 0.5
#: Of a process that the limit on its processor time ended, as itself and as its parent tells it.
_TIME_OVER = (-signal.SIGXCPU, 128 + signal.SIGXCPU) if hasattr(signal, "SIGXCPU") else ()


@dataclass(frozen=True, slots=True)
class PythonLimits:
    """Bounds on a program.

    Attributes:
        seconds: of time, whatever it does with it.
        memory_mb: of address space, MiB.
        file_mb: of all files that it writes, MiB; they are gone afterwards.
        output: characters of what it prints that are kept.
    """

    seconds: int = 10
    memory_mb: int = 512
    file_mb: int = 16
    output: int = 20_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended.

    Attributes:
        output, errors: what it printed, and what it wrote to standard error; cut at the limit.
        status: its exit status; negative: the signal that ended it.
        late: it was stopped when its time was over.
        flooded: it was stopped because it printed too much.
    """

    output: str
    errors: str
    status: int
    late: bool = False
    flooded: bool = False


class NotIsolatedError(Exception):
    """A program cannot be kept apart on this system; the message says what is missing."""


def run(code: str, limits: PythonLimits, isolated: bool = True) -> Outcome:
    """Run a program.

    Args:
        code: Python, of the version that runs ragbot; the standard library alone.
        limits: how much of everything.
        isolated: False: with limits only (see the module).

    Raises:
        NotIsolatedError: it was not run, because it could not be kept apart.
    """
    if sys.platform == "win32" or (isolated and (not sys.platform.startswith("linux") or not shutil.which("unshare"))):
        raise NotIsolatedError("this system has no namespaces")
    # An absolute interpreter, and not the link of a virtual environment, which is not shown inside.
    python = str(Path(sys.executable).resolve())
    with tempfile.TemporaryDirectory(prefix="ragbot-python-") as folder:
        request = {
            "isolated": isolated,
            "folder": folder,
            "shown": _shown(python),
            "python": python,
            "code": code,
            "seconds": limits.seconds,
            "memory_mb": limits.memory_mb,
            "file_mb": limits.file_mb,
        }
        launcher = [python, "-I", "-S", "-B", str(_LAUNCHER)]
        command = ["unshare", *_UNSHARE, *launcher] if isolated else launcher
        outcome = _watched(command, request, limits)
    return outcome


@cache
def isolation() -> str:
    """Empty where programs can be kept apart here; otherwise what is missing. Tried once."""
    try:
        outcome = run("print(6 * 7)", PythonLimits())
    except NotIsolatedError as error:
        return str(error)
    return "" if outcome.output.strip() == "42" else outcome.errors.strip()[:300] or f"exit status {outcome.status}"


def _shown(python: str) -> list[str]:
    own = {str(Path(sys.base_prefix).resolve()), str(Path(python).parent)}
    paths = {path for path in _LIBRARIES if Path(path).exists()} | {
        "/usr" if path.startswith("/usr") else path for path in own
    }
    # One that lies inside another is shown with it.
    inside = {path for path in paths for other in paths if path != other and path.startswith(other.rstrip("/") + "/")}
    return sorted(paths - inside)


def _watched(command: list[str], request: Mapping[str, object], limits: PythonLimits) -> Outcome:
    # The launcher writes there when all is in place and the program is next; nothing that the program does can be taken
    # for a launcher that failed, and its time does not run before.
    ready, write_end = os.pipe()
    # A process group of its own, so that all of it can be ended at once.
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
        start_new_session=True,
        pass_fds=(write_end,),
    )
    os.close(write_end)
    streams = [_Stream(process, process.stdout, limits.output), _Stream(process, process.stderr, limits.output)]
    late = begun = False
    try:
        if process.stdin is not None:
            try:
                process.stdin.write(json.dumps({**request, "ready": write_end}).encode())
                process.stdin.close()
            except BrokenPipeError:
                process.stdin = None  # it ended before it read; its status says why
        begun = bool(select.select([ready], [], [], _START)[0] and os.read(ready, 1))
        if begun:
            process.wait(limits.seconds + _GRACE)
    except subprocess.TimeoutExpired:
        late = True
    finally:
        _end(process)
        for stream in streams:
            stream.join()
        os.close(ready)
    if not begun:
        raise NotIsolatedError(streams[1].text.strip()[:300] or "namespaces are refused")
    output, errors = streams[0].text, streams[1].tail  # what went wrong is the last that is said
    late = late or process.returncode in _TIME_OVER
    return Outcome(output, errors, process.returncode, late, any(stream.flooded for stream in streams))


class _Stream(threading.Thread):
    """Reads what a process prints, and ends the process when that gets too much."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: IO[bytes] | None, limit: int) -> None:
        super().__init__(daemon=True)
        self._process, self._pipe, self._limit = process, pipe, 4 * limit
        self._read = bytearray()
        self.flooded = False
        self.start()

    def run(self) -> None:
        if self._pipe is None:
            return
        with self._pipe as pipe:
            while piece := os.read(pipe.fileno(), 65_536):
                self._read += piece
                if len(self._read) > self._limit:
                    self.flooded = True
                    _end(self._process)
                    return

    @property
    def text(self) -> str:
        return self._read.decode("utf-8", "replace")[: self._limit // 4]

    @property
    def tail(self) -> str:
        return self._read.decode("utf-8", "replace")[-self._limit // 4 :]


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()

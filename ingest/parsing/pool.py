"""A pool of parser processes, each with its bounds."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ingest.parsing.wire import decode, receive, send
from ragbot.documents import ParsedDocument
from ragbot.errors import LoaderError

#: Files after which a process is replaced: what a library leaks does not add up.
RETIREMENT = 500


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost: ``seconds`` of wall time, ``memory_mb`` MiB of private memory."""

    seconds: float = 120.0
    memory_mb: int = 2048


@dataclass(frozen=True, slots=True)
class _Request:
    path: Path
    max_bytes: int
    reader: str | None
    result: Future[ParsedDocument]


class ParserPool:
    """Parses files in processes of their own; results come as futures. Use it as a context manager.

    Args:
        workers: processes; they are started when the first files come.
        limits: for each file.
        module: what a process runs; another one in tests.
    """

    def __init__(self, workers: int, limits: Limits, module: str = "ingest.parsing.worker") -> None:
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._workers = [_Worker(self._requests, limits, module) for _ in range(workers)]
        self._threads: list[threading.Thread] = []

    def submit(self, path: Path, max_bytes: int, reader: str | None = None) -> Future[ParsedDocument]:
        """Parse a file, with a ``reader`` (see :mod:`ingest.readers`) or the loader of its suffix; the future raises
        LoaderError where that cannot be done."""
        result: Future[ParsedDocument] = Future()
        self._requests.put(_Request(path, max_bytes, reader, result))
        if len(self._threads) < len(self._workers):
            worker = self._workers[len(self._threads)]
            thread = threading.Thread(target=worker.run, name="parser", daemon=True)
            self._threads.append(thread)
            thread.start()
        return result

    def close(self) -> None:
        """End the processes; what is under way is given up."""
        for worker in self._workers:
            worker.stop()
        for _ in self._threads:
            self._requests.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Worker:
    """One process, and the thread that talks to it."""

    def __init__(self, requests: queue.SimpleQueue[_Request | None], limits: Limits, module: str) -> None:
        self._requests = requests
        self._limits = limits
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._done = 0
        self._stopped = False
        self._lock = threading.Lock()

    def run(self) -> None:
        """Work through the requests until there is a None."""
        while (request := self._requests.get()) is not None:
            if self._stopped or not request.result.set_running_or_notify_cancel():
                continue
            try:
                request.result.set_result(self._parse(request))
            except LoaderError as error:
                request.result.set_exception(error)
            except OSError as error:  # no process could be started
                request.result.set_exception(LoaderError(f"cannot be parsed: {error.strerror or error}"))
        self._end()

    def stop(self) -> None:
        """Give up what is under way."""
        with self._lock:
            self._stopped = True
            if self._process:
                self._process.kill()

    def _parse(self, request: _Request) -> ParsedDocument:
        path, process = request.path, self._running()
        assert process.stdin and process.stdout
        late = threading.Event()

        def expire() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._limits.seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            send(process.stdin, {"path": str(path), "max_bytes": request.max_bytes, "reader": request.reader})
            reply = receive(process.stdout)
        except OSError:  # it died before it had read the request
            reply = None
        finally:
            timer.cancel()
        self._done += 1
        if reply is None:
            code = process.wait()
            self._end()
            if late.is_set():
                raise LoaderError(
                    f"{path.name} takes longer than {self._limits.seconds:g} s to read: split it, or raise ingest.parse_seconds"
                )
            raise LoaderError(f"{path.name} makes its parser crash ({_reason(code)}): it is damaged; export it again")
        if reply.get("retire") or self._done >= RETIREMENT:
            self._end()
        if "document" in reply:
            return decode(reply["document"])
        raise LoaderError(reply["reason"])

    def _running(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise LoaderError("the run was stopped")
            if self._process is None or self._process.poll() is not None:
                self._done = 0
                # -P: the working folder is no place to import from, it may hold a json.py of anybody's.
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", self._module, str(self._limits.memory_mb)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(_import_path()), "OMP_NUM_THREADS": "1"},
                )
            return self._process

    def _end(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream:
                    try:
                        stream.close()
                    except OSError:  # a request that nobody reads any more
                        continue


def _import_path() -> list[str]:
    """Where we import from, without the working folder unless that is where this package lies."""
    return list(dict.fromkeys([str(Path(__file__).parents[2]), *filter(None, sys.path)]))


def _reason(code: int) -> str:
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"

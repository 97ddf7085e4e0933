"""A vLLM server of our own, for a benchmark or a test: started on a free loopback port, watched, and ended for certain."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from ragbot.errors import RagbotError

#: Seconds until a server must be ready, and between two looks whether it is.
PATIENCE, LOOK = 600.0, 0.5
#: Seconds that a server has to end by itself.
GRACE = 10.0
#: Characters of its log in an error.
TAIL = 2000
#: The server reports to nobody, fetches nothing, and listens to this machine only.
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_HOST_IP": "127.0.0.1",
    # Threads are bound to cores otherwise, one of which would be kept free: too many of two.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    # The engine works in one process instead of two, each of which would import everything anew.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
}
#: Variables that would change what is measured or tested.
REMOVED = re.compile("RAGBOT_|VLLM_|PYTHON|OMP_|OPENAI_")


class VllmServer:
    """``vllm serve MODEL`` in a process group of its own. As a context manager it runs inside.

    Args:
        python: interpreter of the environment that vLLM is installed in.
        model: folder of the model.
        log: file that its output goes to.
        name: what the model is called at the endpoint.
        key: the ``--api-key`` that it asks for; None: none.
        arguments: further arguments of ``vllm serve``.
        threads: CPU threads.
        cache_gib: memory for keys and values on a CPU, in GiB.
        variables: further variables of its environment.
    """

    def __init__(
        self,
        python: Path,
        model: Path,
        log: Path,
        *,
        name: str = "model",
        key: str | None = None,
        arguments: Sequence[str] = (),
        threads: int = 2,
        cache_gib: int = 1,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.key, self._log = name, key, log
        self._port = _free_port()
        options = ["--model", str(model), "--served-model-name", name, "--host", "127.0.0.1", "--port", str(self._port)]
        # The command `vllm` looks for a distribution of that name, which a CPU build is not.
        self._command = [str(python), "-m", "vllm.entrypoints.openai.api_server", *options, *arguments]
        self._command += ["--api-key", key] if key else []
        sizes = {"OMP_NUM_THREADS": str(threads), "VLLM_CPU_KVCACHE_SPACE": str(cache_gib)}
        self._environment = environment({**sizes, **(variables or {})})
        self._process: subprocess.Popen[bytes] | None = None
        # One for all requests, as it is dear to make; a connection each, as the server may be killed.
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{self._port}", trust_env=False, timeout=30, headers={"connection": "close"}
        )

    @property
    def url(self) -> str:
        """The base URL of the OpenAI-compatible endpoint."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self, patience: float = PATIENCE) -> None:
        """Start it, and return when it is ready; after :meth:`kill`, it starts again at the same address.

        Raises:
            RagbotError: it ended, or was not ready within ``patience`` seconds; the end of its log is in the message.
        """
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self._log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + patience
        try:
            while not self._ready():
                if not self.running:
                    raise RagbotError(f"the vLLM server ended with {self._process.returncode}: {self.log_tail()}")
                if time.monotonic() > deadline:
                    raise RagbotError(f"the vLLM server was not ready within {patience:g} s: {self.log_tail()}")
                time.sleep(LOOK)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End it at once, and whatever it has started, as the system does when memory runs out."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """End it; it cannot be started again."""
        self._end(signal.SIGTERM)
        self._end(signal.SIGKILL)
        self._client.close()

    def metric(self, name: str) -> float:
        """The sum over all series of the metric ``name`` (without ``vllm:``) at this moment."""
        text = self._client.get("/metrics").raise_for_status().text
        values = re.findall(rf"^vllm:{re.escape(name)}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)
        if not values:
            raise RagbotError(f"the vLLM server has no metric vllm:{name}: see {self._log} for its version")
        return sum(map(float, values))

    def log_tail(self) -> str:
        """The end of what it has printed."""
        text = self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
        return text[-TAIL:].strip() or "it printed nothing"

    def _ready(self) -> bool:
        try:
            return self._client.get("/health").is_success
        except httpx.TransportError:
            return False

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        # The group may outlive the process that leads it: the engine is another one.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """The variables of a process that runs vLLM: ours without what would change it, and ``more``."""
    kept = {name: value for name, value in os.environ.items() if not REMOVED.match(name)}
    return {**kept, **ENVIRONMENT, **more}


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])

"""A process that has loaded everything and does nothing: its children start in no time, and are killed without harm.

Requests are lines of JSON on standard input, replies on standard output. It never searches itself, so that no native
library has threads when it forks.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from typing import Any

NOBODY = 65534


def child(request: dict[str, Any], pipe: int, operations: Any) -> None:
    """Do one operation and say so; never returns."""
    from ragbot.errors import RagbotError
    from tests.crash.points import Stop, Tracer

    quiet = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(quiet, number)
    sys.stdin = os.fdopen(os.dup(quiet))  # ours has been read from

    def say(kind: str, value: Any) -> None:
        data = (json.dumps([kind, value], ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")
        while data:
            data = data[os.write(pipe, data) :]

    if "file_bytes" in request:  # the pipe is no file: what it takes is not bounded
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["file_bytes"], request["file_bytes"]))
    if request.get("nobody"):
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    tracer = None
    if "trace" in request:
        plan = request["trace"]
        stop = Stop(**plan["stop"]) if plan.get("stop") else None
        tracer = Tracer(stop, plan.get("failing_write", 0), plan.get("error", 0))
        tracer.install()
    try:
        result = operations[request["op"]](request, lambda line: say("ack", line))
        say("result", result)
    except RagbotError as error:
        say("refused", {"type": type(error).__name__, "message": str(error), "exit_code": error.exit_code})
    except BaseException:  # noqa: BLE001  # whatever it is, the test is told, and the child ends here
        say("failed", "".join(traceback.format_exc().splitlines(keepends=True)[-5:]))
    if tracer is not None:
        tracer.stop, tracer.failing_write = None, 0
        say("points", tracer.passed)
    os._exit(0)


def listen(pid: int, pipe: int, started: float, kill_after: float | None, timeout: float) -> dict[str, Any]:
    """Read what a child says until it ends; kill it when its time has come."""
    heard = bytearray()
    deadline = started + (timeout if kill_after is None else kill_after)
    killed = False
    while True:
        left = deadline - time.monotonic()
        ready, _, _ = select.select([pipe], [], [], max(left, 0) if not killed else None)
        if ready:
            block = os.read(pipe, 1 << 16)
            if not block:
                break
            heard += block
        elif not killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            killed = True
    os.close(pipe)
    _, status = os.waitpid(pid, 0)
    seconds = time.monotonic() - started
    lines = [json.loads(line) for line in heard.split(b"\n")[:-1]]
    outcome: dict[str, Any] = {"acks": [value for kind, value in lines if kind == "ack"], "seconds": seconds}
    outcome["signal"] = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    outcome["late"] = killed and kill_after is None
    return {**outcome, **{kind: value for kind, value in lines if kind != "ack"}}


def serve() -> None:
    """Answer requests until standard input ends."""
    import faiss  # noqa: F401  # loaded once, for all children

    import ingest.pipeline
    import ragbot.console.kb_commands
    import ragbot.console.knowledge
    import ragbot.console.maintenance  # noqa: F401
    from ragbot.index.analysis import terms
    from tests.crash.laboratory import STORES
    from tests.crash.operations import OPERATIONS

    if any(store.startswith("chroma") for store in STORES):
        import chromadb  # noqa: F401
    ingest.pipeline.BATCH = 4  # small batches: embedding and committing take turns
    terms("词典在这里就读好了")
    running: dict[int, tuple[int, float, dict[str, Any]]] = {}

    def reply(value: Any) -> None:
        sys.stdout.write(json.dumps(value) + "\n")
        sys.stdout.flush()

    reply("ready")
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            pipe, started, asked = running.pop(request["wait"])
            reply(listen(request["wait"], pipe, started, asked.get("kill_after"), asked.get("timeout", 120)))
            continue
        here, there = os.pipe()
        started = time.monotonic()
        pid = os.fork()
        if not pid:
            child(request, there, OPERATIONS)
        os.close(there)
        running[pid] = (here, started, request)
        reply(pid)


if __name__ == "__main__":
    serve()

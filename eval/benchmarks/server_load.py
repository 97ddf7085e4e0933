"""Many people at once against ``ragbot serve``: what the server itself costs, whether its memory grows, what it refuses.

    python -m eval.benchmarks.server_load                                    # 32 callers, one second an answer
    python -m eval.benchmarks.server_load --model-seconds 0 --requests 20000 # memory
    python -m eval.benchmarks.server_load --slots 4 --queue 8 --requests 200 # more than it takes on: 429, and no hang
    python -m eval.benchmarks.server_load --llm bundled --embedder bundled --callers 1 4 16 --requests 48  # a real model

The server is a process of its own. By default its chat model and its embedder are an endpoint that computes next to
nothing (:mod:`eval.benchmarks.server_load_stub`). A caller asks again as soon as it has its answer. The overhead is what the caller waits for less what
the answer says that search, model and check took (``ragbot.timings.total``); the callers run on the same cores as
the server, so that it is an upper bound. Every answer is compared with its question: nothing is lost or mixed up.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eval.benchmarks.server_load_stub import NUMBER, stub_endpoint

_TEXT = (
    "# Notes\n\nThe throughput of the harbour rises by a factor of 20. The lighthouse is painted green.\n\n## 数字\n\n"
    "长江全长六千三百公里，流经重庆和武汉。QLoRA 把模型量化为 4 比特。\n"
)
#: Seconds after which a request hangs.
_HANGS = 120


@dataclass
class Seen:
    """What the callers saw; times in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    overhead: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    memory: list[tuple[int, float]] = field(default_factory=list)
    mixed: int = 0
    hung: int = 0


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--callers", type=int, nargs="+", default=[32])
    parser.add_argument("--requests", type=int, default=640, help="for each number of callers")
    parser.add_argument("--model-seconds", type=float, default=1.0, help="that the stub takes for an answer")
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--queue", type=int, default=64)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--llm", default="openai:stub")
    parser.add_argument("--embedder", default="openai:stub")
    options = parser.parse_args()
    print(
        "| callers | requests | 200 | 429 | other | hung | mixed up | per second | first piece P50 | overhead P50 | P95 | P99 | memory |"
    )
    print("| --- " * 13 + "|")
    with stub_endpoint(options.model_seconds) as stub, served(options, stub) as (url, pid):
        real = options.llm != "openai:stub"
        for callers in options.callers:
            seen, started = Seen(), time.perf_counter()
            asyncio.run(asked(url, pid, callers, options.requests, seen, real, options.model_seconds))
            print(row(callers, options.requests, seen, time.perf_counter() - started), flush=True)


def row(callers: int, requests: int, seen: Seen, seconds: float) -> str:
    """One line of the table; milliseconds and MiB."""
    fine = seen.statuses[200]
    other = sum(seen.statuses.values()) - fine - seen.statuses[429]
    memory = " → ".join(f"{mib:.0f} MiB at {number}" for number, mib in seen.memory)
    figures = [percentile(seen.overhead, share) for share in (50, 95, 99)]
    shown = " | ".join(f"{1000 * value:.1f} ms" for value in figures)
    return (
        f"| {callers} | {requests} | {fine} | {seen.statuses[429]} | {other} | {seen.hung} | {seen.mixed} | {fine / seconds:.1f} "
        f"| {1000 * percentile(seen.first, 50):.0f} ms | {shown} | {memory} |"
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; not a number without values."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * share / 100), 1) - 1] if ordered else float("nan")


async def asked(url: str, pid: int, callers: int, requests: int, seen: Seen, real: bool, spread: float = 0.0) -> None:
    """Let ``callers`` ask ``requests`` questions together, the first ones over ``spread`` seconds; half are streamed."""
    import httpx

    numbers = iter(range(requests))
    looks = {requests // 10, requests // 2, requests - 1}
    limits = httpx.Limits(max_connections=callers, max_keepalive_connections=callers)

    async def caller(client: httpx.AsyncClient, wait: float) -> None:
        await asyncio.sleep(wait)  # people do not press the key in the same instant
        for number in numbers:
            try:
                await one(client, number, seen, real)
            except httpx.TimeoutException:
                seen.hung += 1
            if number in looks:
                seen.memory.append((number + 1, resident_mib(pid)))

    async with httpx.AsyncClient(base_url=url, timeout=_HANGS, limits=limits, trust_env=False) as client:
        await asyncio.gather(*(caller(client, spread * place / callers) for place in range(callers)))


async def one(client: object, number: int, seen: Seen, real: bool) -> None:
    """Ask one question, and compare the answer with it."""
    import httpx

    assert isinstance(client, httpx.AsyncClient)
    question = f"What is said of number {number}?" if number % 2 else f"关于 number {number} 说了什么？"
    body = {"model": "ragbot", "messages": [{"role": "user", "content": question}], "stream": number % 4 < 2}
    started, first, text = time.perf_counter(), 0.0, ""
    own: dict[str, dict[str, float]] = {}
    async with client.stream("POST", "/v1/chat/completions", json=body) as response:
        if body["stream"] and response.status_code == 200:
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    piece = json.loads(line[6:])
                    text += "".join(choice["delta"].get("content", "") for choice in piece["choices"])
                    own = piece.get("ragbot", own)
                    first = first or (time.perf_counter() - started if text else 0.0)
        else:
            said = json.loads(await response.aread())
            if response.status_code == 200:
                text, own = said["choices"][0]["message"]["content"], said["ragbot"]
    seconds = time.perf_counter() - started
    seen.statuses[response.status_code] += 1
    if response.status_code == 429:
        await asyncio.sleep(min(float(response.headers["retry-after"]), 1.0))
        return
    if response.status_code == 200:
        seen.overhead.append(seconds - own["timings"]["total"])
        seen.whole.append(seconds)
        seen.first += [first] if first else []
        seen.mixed += not real and NUMBER.findall(text) != [str(number)]


def resident_mib(pid: int) -> float:
    """Memory of a process, in MiB (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")


@contextlib.contextmanager
def served(options: argparse.Namespace, stub: str) -> Iterator[tuple[str, int]]:
    """The server as a process, its address and number; over a knowledge base of two sections."""
    with tempfile.TemporaryDirectory(prefix="server-load-") as folder:
        (Path(folder) / "notes.md").write_text(_TEXT, encoding="utf-8")
        env = {
            **os.environ,
            "RAGBOT_DATA_DIR": folder,
            "RAGBOT_OPENAI__BASE_URL": stub,
            "RAGBOT_GENERATION__MIN_CONFIDENCE": "0",
            "RAGBOT_SERVER__SLOTS": str(options.slots),
            "RAGBOT_SERVER__QUEUE": str(options.queue),
            "RAGBOT_EMBEDDER": options.embedder,
            "RAGBOT_LLM": options.llm,
        }
        ragbot = [sys.executable, "-m", "ragbot"]
        subprocess.run([*ragbot, "ingest", f"{folder}/notes.md", "--quiet"], env=env, check=True)
        command = [
            *ragbot,
            "serve",
            "--port",
            "0",
            "--log",
            "none",
            "--json",
            "--quiet",
            "--workers",
            str(options.workers),
        ]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                told = ""
                while not told.rstrip().endswith("}"):
                    line = process.stdout.readline()
                    if not line:
                        raise SystemExit("the server did not start")
                    told += line
                yield json.loads(told)["url"].removesuffix("/v1"), process.pid
            finally:
                process.terminate()
                process.wait(60)


if __name__ == "__main__":
    main()

"""Figures for Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/): counts and times, no names.

With several worker processes they write to one folder (``PROMETHEUS_MULTIPROC_DIR``), and any of them tells of all.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

#: Where worker processes write; set before the first of them starts.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The figures of an application."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.requests = Counter(
            "ragbot_requests", "Requests, by route and status.", ["method", "route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "ragbot_request_seconds", "Seconds from a request to the end of its answer.", ["route"], buckets=_SECONDS,
            registry=registry,
        )  # fmt: skip
        self.running = Gauge(
            "ragbot_running", "Requests that have a slot.", registry=registry, multiprocess_mode="livesum"
        )
        self.waiting = Gauge(
            "ragbot_waiting", "Requests that wait for a slot.", registry=registry, multiprocess_mode="livesum"
        )
        self.answers = Counter("ragbot_answers", "Answers, refusals apart.", ["kind"], registry=registry)
        self.stages = Histogram(
            "ragbot_stage_seconds",
            "Seconds of the stages of an answer.",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.tokens = Counter("ragbot_tokens", "Tokens read and written.", ["kind"], registry=registry)

    def line(self, running: int, waiting: int) -> None:
        """How many requests have a slot, and how many wait for one."""
        self.running.set(running)
        self.waiting.set(waiting)

    def note(self, method: str, route: str, status: int, seconds: float, facts: Mapping[str, Any]) -> None:
        """Count a request that is done."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)
        if "abstained" in facts:
            self.answers.labels("refused" if facts["abstained"] else "answered").inc()
        for stage, value in facts.get("stages", {}).items():
            self.stages.labels(stage).observe(value)
        for kind in ("input_tokens", "output_tokens"):
            self.tokens.labels(kind.removesuffix("_tokens")).inc(facts.get(kind, 0))

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        if FOLDER not in os.environ:
            return generate_latest(self._registry)
        _forget_dead(Path(os.environ[FOLDER]))
        every = CollectorRegistry()
        MultiProcessCollector(every)  # type: ignore[no-untyped-call]
        return generate_latest(every)


def _forget_dead(folder: Path) -> None:
    """A process that has died runs nothing any more; what it counted stays."""
    for path in folder.glob("gauge_live*.db"):
        number = _PID.search(path.name)
        if number and not _alive(int(number[1])):
            path.unlink(missing_ok=True)


_PID = re.compile(r"_(\d+)\.db$")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is somebody else's, and alive
    return True

"""Many people at once: slots, the line before them, leaving, limits, and a stop in the middle of it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from apps.api.common import Parts
from apps.api.gate import Gate
from apps.api.limits import Allowance, Limits
from apps.api.problems import ProblemError
from apps.api.working import items
from tests.apps.api.conftest import fill
from tests.apps.api.serving import HeldModel, app_of, client, running, settings, until
from tests.apps.api.test_chat import EN, PATH, asked


@contextmanager
def held(tmp_path: Path, corpus: Path, **server: Any) -> Iterator[tuple[HeldModel, str, Parts]]:
    """A server whose model speaks when it is let."""
    model = HeldModel()
    app = app_of(settings(tmp_path / "data", **server), llm=model)
    fill(app, corpus)
    with running(app) as url:
        try:
            yield model, url, app.state.parts
        finally:
            model.let()


def test_a_caller_who_leaves_a_stream_frees_the_slot(tmp_path: Path, corpus: Path) -> None:
    with held(tmp_path, corpus, slots=1) as (model, url, parts), client(url) as http:
        with http.stream("POST", PATH, json=asked(EN, stream=True)) as response:
            assert next(line for line in response.iter_lines() if "going on" in line)
            assert (model.at_work, parts.gate.running) == (1, 1)
        until(lambda: not model.at_work and not parts.gate.running)
        assert model.given_up == 1
        model.let()
        assert http.post(PATH, json=asked(EN)).status_code == 200


def test_a_caller_who_leaves_before_the_answer_frees_the_slot(tmp_path: Path, corpus: Path) -> None:
    body = json.dumps(asked(EN))
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    with held(tmp_path, corpus, slots=1) as (model, url, parts):
        with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0)) as raw:
            raw.sendall(f"{head}\r\n\r\n{body}".encode())
            until(lambda: model.at_work == 1)
        until(lambda: model.given_up == 1 and not parts.gate.running)


def test_those_beyond_the_line_are_told_when_to_come_back(tmp_path: Path, corpus: Path) -> None:
    with held(tmp_path, corpus, slots=2, queue=3) as (model, url, parts), client(url) as http:
        with ThreadPoolExecutor(8) as pool:
            asking = [pool.submit(http.post, PATH, json=asked(EN)) for _ in range(5)]
            until(lambda: (parts.gate.running, parts.gate.waiting) == (2, 3))
            refused = http.post(PATH, json=asked(EN))
            assert refused.status_code == 429
            assert refused.json()["error"]["code"] == "busy"
            assert int(refused.headers["retry-after"]) >= 1
            assert http.get("/healthz").status_code == 200
            model.let()
            assert [one.result().status_code for one in asking] == [200] * 5
        assert (parts.gate.running, parts.gate.waiting) == (0, 0)


def test_nobody_waits_for_ever(tmp_path: Path, corpus: Path) -> None:
    with (
        held(tmp_path, corpus, slots=1, queue_seconds=0.2) as (model, url, parts),
        client(url) as http,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(http.post, PATH, json=asked(EN))
        until(lambda: parts.gate.running == 1)
        late = http.post(PATH, json=asked(EN))
        assert (late.status_code, late.json()["error"]["code"]) == (429, "busy")
        model.let()
        assert first.result().status_code == 200


def test_who_leaves_the_line_takes_no_slot() -> None:
    async def run() -> None:
        gate = Gate(1, 5, 10)
        first = await gate.enter()
        waiting = asyncio.ensure_future(gate.enter())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert (gate.running, gate.waiting) == (1, 0)
        first.leave()
        first.leave()  # once is enough
        again = await gate.enter()
        assert gate.running == 1
        again.leave()

    asyncio.run(run())


def test_the_slot_is_held_until_the_thread_is_done() -> None:
    going, closed = threading.Event(), threading.Event()

    def made() -> Iterator[int]:
        try:
            yield 1
            going.wait(10)  # deaf for a while: a model in the middle of a step
            yield 2
        finally:
            closed.set()

    async def run() -> None:
        gate = Gate(1, 5, 10)
        stream = items(gate, lambda: made())  # type: ignore[arg-type]
        assert await anext(stream) == 1
        await stream.aclose()
        assert gate.running == 1
        going.set()
        while gate.running:
            await asyncio.sleep(0.01)
        assert closed.is_set()

    asyncio.run(run())


def test_errors_of_the_thread_reach_the_reader() -> None:
    def made() -> Iterator[int]:
        yield 1
        raise ValueError("from the thread")

    async def run() -> None:
        gate = Gate(1, 5, 10)
        found = []
        with pytest.raises(ValueError, match="from the thread"):
            async for item in items(gate, lambda: made()):  # type: ignore[arg-type]
                found.append(item)
        assert found == [1]
        until = asyncio.get_running_loop().time() + 10
        while gate.running and asyncio.get_running_loop().time() < until:  # the slot is free when the thread is
            await asyncio.sleep(0.01)
        assert gate.running == 0

    asyncio.run(run())


# -- limits of a key -------------------------------------------------------------------------------------------------


def test_requests_are_counted_by_key_and_come_back() -> None:
    now = [0.0]
    limits = Limits(lambda: now[0])
    three = Allowance(requests=3)
    left = [limits.admit("a", three)["x-ratelimit-remaining-requests"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    with pytest.raises(ProblemError) as caught:
        limits.admit("a", three)
    assert caught.value.status_code == 429
    assert (caught.value.headers or {})["Retry-After"] == "20"
    limits.admit("b", three)  # another key has its own
    now[0] += 20
    limits.admit("a", three)
    with pytest.raises(ProblemError):
        limits.admit("a", three)
    for _ in range(100):
        limits.admit("c", Allowance())


def test_tokens_are_taken_when_they_are_known() -> None:
    now = [0.0]
    limits = Limits(lambda: now[0])
    some = Allowance(tokens=600)
    limits.admit("a", some)
    limits.spend("a", some, 900)  # an answer may be longer than what was left
    with pytest.raises(ProblemError) as caught:
        limits.admit("a", some)
    assert (caught.value.headers or {})["Retry-After"] == "31"
    now[0] += 31
    limits.admit("a", some)


def test_limits_of_the_settings_hold_over_http(tmp_path: Path, corpus: Path) -> None:
    app = app_of(settings(tmp_path / "data", requests_per_minute=2))
    fill(app, corpus)
    with running(app) as url, client(url) as http:
        first = http.post(PATH, json=asked(EN))
        assert first.headers["x-ratelimit-limit-requests"] == "2"
        assert first.headers["x-ratelimit-remaining-requests"] == "1"
        assert http.get("/v1/models").status_code == 200
        third = http.get("/v1/models")
        assert (third.status_code, third.json()["error"]["type"]) == (429, "rate_limit_error")
        assert int(third.headers["retry-after"]) >= 1
        assert http.get("/healthz").status_code == 200


def test_who_leaves_early_has_used_what_there_was(tmp_path: Path, corpus: Path) -> None:
    with held(tmp_path, corpus, tokens_per_minute=30) as (model, url, parts), client(url) as http:
        with http.stream("POST", PATH, json=asked(EN, stream=True)) as response:
            lines = (line for line in response.iter_lines() if "going on" in line)
            for _ in range(8):
                next(lines)
        until(lambda: not model.at_work and not parts.gate.running)
        refused = http.post(PATH, json=asked(EN))
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")


# -- a stop ----------------------------------------------------------------------------------------------------------


def test_a_stop_finishes_what_is_under_way_and_refuses_what_is_new(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held(tmp_path, corpus) as (model, url, parts), client(url) as http:
        ended: list[int] = []
        monkeypatch.setattr(parts.drain, "_pass_on", lambda number, _: ended.append(number))
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(http.post, PATH, json=asked(EN))
            until(lambda: parts.gate.running == 1)
            parts.drain.begin(15)
            until(lambda: parts.drain.begun)
            late = http.post(PATH, json=asked(EN))
            assert (late.status_code, late.json()["error"]["code"]) == (503, "stopping")
            assert late.headers["retry-after"]
            assert http.get("/readyz").status_code == 503
            assert http.get("/healthz").status_code == 200
            assert ended == []
            model.let()
            assert under_way.result().status_code == 200
        until(lambda: ended == [15])


def test_a_stop_does_not_wait_for_ever(tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with held(tmp_path, corpus, stop_seconds=0.2) as (model, url, parts), client(url) as http:
        ended: list[int] = []
        monkeypatch.setattr(parts.drain, "_pass_on", lambda number, _: ended.append(number))
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(http.post, PATH, json=asked(EN))
            until(lambda: parts.gate.running == 1)
            parts.drain.begin(15)
            until(lambda: ended == [15])
            model.let()
            under_way.result()

"""``ragbot serve`` as people run it: a process of its own, stopped by a signal, several workers, a public address."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.api import serving
from ragbot.errors import UserError
from tests.apps.api.serving import client, settings, until
from tests.apps.api.test_chat import PATH, asked

ROOT = Path(__file__).parents[3]
#: The command with an embedder that needs no weights.
COMMAND = """
import sys
import apps.api.models
from ragbot.models.testing import HashEmbedder
apps.api.models.load_embedder = lambda *_, **__: HashEmbedder()
from ragbot.cli import main
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


@contextlib.contextmanager
def started(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """``ragbot serve`` on a free port, its address, and the lines of its log as far as they were read."""
    script = folder / "command.py"
    folder.mkdir(parents=True, exist_ok=True)
    script.write_text(COMMAND, encoding="utf-8")
    env = {**os.environ, "RAGBOT_DATA_DIR": str(folder / "data"), "RAGBOT_LLM": "extractive", "PYTHONPATH": str(ROOT)}
    with (folder / "log").open("w") as log:
        command = [sys.executable, str(script), "serve", "--port", "0", "--json", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=env, cwd=folder)
    try:
        assert process.stdout is not None
        told = ""
        while not told.rstrip().endswith("}"):
            line = process.stdout.readline()
            assert line, (folder / "log").read_text()
            told += line
        yield process, json.loads(told)["url"].removesuffix("/v1"), [str(folder / "log")]
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def ready(url: str) -> None:
    def asks() -> bool:
        with contextlib.suppress(httpx.TransportError), client(url) as http:
            return http.get("/readyz").status_code == 200
        return False

    until(asks, 120)


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    with started(tmp_path) as (process, url, log), client(url) as http:
        ready(url)
        answer = http.post(PATH, json=asked("Is there anything?")).json()
        assert answer["ragbot"]["abstained"] is True
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    lines = [json.loads(line) for line in Path(log[0]).read_text().splitlines() if line.startswith("{")]
    assert [(line["route"], line["status"]) for line in lines] == [(PATH, 200)]


def test_several_processes_answer_from_one_knowledge_base(tmp_path: Path) -> None:
    with started(tmp_path, "--workers", "2") as (process, url, _):
        ready(url)

        def ask(_: int) -> int:
            with client(url) as http:
                return http.post(PATH, json=asked("Is there anything?")).status_code

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(ask, range(40))) == {200}
        with client(url) as http:
            figures = http.get("/metrics").text
        (count,) = [line for line in figures.splitlines() if line.startswith("ragbot_requests_total") and PATH in line]
        assert float(count.split()[-1]) == 40  # of all processes together
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "rag.example.org"])
def test_a_public_address_needs_a_key(tmp_path: Path, host: str) -> None:
    with pytest.raises(UserError, match="ragbot keys create"):
        serving.serve(settings(tmp_path / "data", host=host), {}, None, pytest.fail)


def test_a_refused_address_is_a_usage_error(tmp_path: Path) -> None:
    env = {**os.environ, "RAGBOT_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "ragbot", "serve", "--host", "0.0.0.0", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["type"] == "UserError"


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with serving._listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match="choose another with --port"), serving._listening("127.0.0.1", port):
            pass


def test_workers_are_told_of_the_command_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: dict[str, Any] = {}
    monkeypatch.setattr(serving, "create_app", lambda chosen: made.update(settings=chosen))
    monkeypatch.setattr(serving, "warm_up", lambda _: None)
    monkeypatch.setattr(serving.logs, "set_up", lambda *_, **__: None)
    with serving._environment({"kb": "notes", "server.port": 1234}, None):
        serving.worker()
        assert Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).is_dir()
    assert (made["settings"].kb, made["settings"].server.port) == ("notes", 1234)
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ

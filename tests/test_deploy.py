"""The files for containers and systemd agree with the code: settings, extras, versions, routes, what is copied."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from ragbot.settings import load_settings

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
UNIT = (ROOT / "deploy" / "ragbot.service").read_text(encoding="utf-8")
COMPOSE = {
    name: yaml.safe_load((ROOT / name).read_text(encoding="utf-8")) for name in ("compose.yaml", "compose.full.yaml")
}
VARIABLE = re.compile(r"\b(RAGBOT_[A-Z_]+)(?:=|: )(\S+)")


def variables() -> dict[str, str]:
    """Every variable of ragbot's that one of the files sets, with its last value."""
    found = dict(VARIABLE.findall(DOCKERFILE + UNIT))
    for compose in COMPOSE.values():
        for service in compose["services"].values():
            found |= {name: str(value) for name, value in service.get("environment", {}).items()}
    return {name: value for name, value in found.items() if name.startswith("RAGBOT_")}


def test_every_variable_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    found = variables()
    assert {"RAGBOT_DATA_DIR", "RAGBOT_SERVER__HOST", "RAGBOT_LLM"} <= found.keys()
    for name, value in found.items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", value))
    settings, _ = load_settings({}, None)  # refuses what it does not know
    assert settings.server.host == settings.ui.host == "0.0.0.0"
    assert settings.llm.startswith("openai:") and settings.vectors.store == "chroma-server"


def test_what_is_copied_is_there_and_is_sent_to_the_builder() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"}
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (ROOT / name).exists() and name in sent, name


def test_the_extras_of_the_image_are_there_and_bring_no_torch() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = re.search(r"^ARG EXTRAS=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert extras is not None and set(extras[1].split(",")) <= project["optional-dependencies"].keys()
    printed = requirements(extras[1])
    assert printed.returncode == 0 and not printed.stderr
    names = {re.split(r"[\[<>=;~ ]", line)[0] for line in printed.stdout.splitlines()}
    assert {"numpy", "onnxruntime", "fastapi", "gradio", "streamlit", "chromadb"} <= names
    assert not names & {"torch", "transformers", "vllm", "ragbot", ""}
    assert len(names) == len(printed.stdout.splitlines())
    assert {"torch", "streamlit"} <= {
        re.split(r"[\[<>=;~ ]", line)[0] for line in requirements("all").stdout.splitlines()
    }


def test_an_extra_that_is_none() -> None:
    printed = requirements("server,servr")
    assert printed.returncode == 1 and "there is no extra 'servr'; there are hf, " in printed.stderr


def requirements(extras: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "deploy" / "requirements.py"), extras]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def status() -> Iterator[tuple[str, list[int]]]:
    """A server's address, and the status that it answers with."""
    answers = [200]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers[0])
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/healthz", answers
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_health_check_tells_health(status: tuple[str, list[int]]) -> None:
    address, answers = status
    check = re.search(r"HEALTHCHECK .*\\\n\s+CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert check is not None
    command = [sys.executable, *json.loads(check[1])[1:]]
    for answer, healthy in ((200, True), (503, False)):
        answers[0] = answer
        done = subprocess.run(
            command, env={**os.environ, "HEALTH_URL": address}, capture_output=True, timeout=60, check=False
        )
        assert (done.returncode == 0) is healthy


def test_the_servers_are_those_that_were_tested() -> None:
    services = COMPOSE["compose.full.yaml"]["services"]
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split() if "==" in line
    )
    assert services["chroma"]["image"] == f"chromadb/chroma:{pinned['chromadb']}"
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (vllm,) = project["optional-dependencies"]["vllm"]
    assert Requirement(vllm).specifier.contains(services["vllm"]["image"].rpartition(":v")[2])


def test_nothing_is_published_beyond_the_machine() -> None:
    ports = [
        port for compose in COMPOSE.values() for one in compose["services"].values() for port in one.get("ports", [])
    ]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)
    assert re.search(r"^USER 10001", DOCKERFILE, re.MULTILINE)

"""docs/server.md, in both languages: what it names exists, and its program runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from ragbot.sections.server import ServerSettings
from tests.apps.api.test_chat import EN, PATH, asked

ROOT = Path(__file__).parents[3]
GUIDES = [ROOT / "docs" / "server.md", ROOT / "docs" / "server.zh-CN.md"]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(guide: Path) -> str:
    return guide.read_text(encoding="utf-8")


def test_both_languages_say_the_same() -> None:
    one, other = (text_of(guide) for guide in GUIDES)
    for pattern in (r"^(#+) ", r"^```(\w*)", r"^\| `([^`]+)`", r"`(server\.\w+)`", r"`(ragbot_\w+)`", r"`(--[\w-]+)"):
        found = [sorted(re.findall(pattern, text, re.MULTILINE)) for text in (one, other)]
        assert found[0] == found[1], pattern


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_settings_and_figures_exist(guide: Path, http: httpx.Client) -> None:
    text = text_of(guide)
    assert set(re.findall(r"server\.(\w+)`", text)) <= ServerSettings.model_fields.keys()
    figures = http.get("/metrics").text
    for name in re.findall(r"`(ragbot_\w+)`", text):
        assert f"# TYPE {name.removesuffix('_total')}" in figures, name


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_routes_exist(guide: Path, api: FastAPI) -> None:
    paths = set(api.openapi()["paths"])
    for method, path in re.findall(r"`(GET|POST) (/[\w/.-]+)`", text_of(guide)):
        assert method.lower() in api.openapi()["paths"][path]
    for path in paths:
        top = path if not path.startswith("/v1/knowledge-bases") else "/v1/knowledge-bases/"
        assert top.split("{")[0].rstrip("/") in text_of(guide), path


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_every_field_is_explained(guide: Path, http: httpx.Client) -> None:
    own = http.post(PATH, json=asked(EN, ragbot={"hits": True})).json()["ragbot"]
    table = re.search(r"^\| (?:field|字段) \|.*?\n\n", text_of(guide), re.MULTILINE | re.DOTALL)
    assert table
    listed = {name for line in table[0].strip().splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert listed == own.keys()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_the_program_runs(guide: Path, address: str, tmp_path: Path) -> None:
    program = next(code for kind, code in _FENCE.findall(text_of(guide)) if kind == "python")
    question = "What is continuous batching?" if "zh" not in guide.name else "LoRA 只训练什么？"
    script = re.sub(r'("content": )"[^"]+"', rf'\1"{question}"', program.replace("http://127.0.0.1:8080", address))
    (tmp_path / "program.py").write_text(script, encoding="utf-8")
    done = subprocess.run([sys.executable, tmp_path / "program.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[1]" in done.stdout
    assert re.search(r"^1 .+ \d+ \d+ ", done.stdout, re.MULTILINE)

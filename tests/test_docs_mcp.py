"""The guides to MCP and to the tools for the web: commands, settings and limits that they name are those there are."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
import typer

from agents.mcp.client.results import MAX_TEXT
from agents.tools.fetch import PIECE
from agents.tools.weather import MAX_DAYS
from ingest.web.reading import LIMITS
from ragbot.cli import app
from ragbot.sections.mcp import McpServer
from ragbot.sections.web import WebSettings
from ragbot.settings import load_settings

DOCS = Path(__file__).parents[1] / "docs"
MCP = [DOCS / "mcp.md", DOCS / "mcp.zh-CN.md"]
TOOLS = [DOCS / "tools.md", DOCS / "tools.zh-CN.md"]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, kind: str) -> list[str]:
    return [body for name, body in _FENCE.findall(page.read_text(encoding="utf-8")) if name == kind]


@pytest.mark.parametrize("page", MCP, ids=lambda path: path.name)
def test_the_commands_exist(page: Path) -> None:
    group = typer.main.get_command(app).commands["mcp"]  # type: ignore[attr-defined]
    known = {
        name: {option for one in command.params for option in one.opts} for name, command in group.commands.items()
    }
    found = re.findall(r"^ragbot mcp (\w+)(.*?)(?:\s#.*)?$", "\n".join(blocks(page, "sh")), re.MULTILINE)
    assert {name for name, _ in found} == {"serve", "tools"}
    for name, rest in found:
        assert set(re.findall(r"--[a-z-]+", rest)) <= known[name]
    served = json.loads(blocks(page, "json")[0])["mcpServers"]["documents"]
    assert served["args"][:2] == ["mcp", "serve"]


@pytest.mark.parametrize("page", MCP, ids=lambda path: path.name)
def test_the_settings_are_sound_and_all_listed(page: Path, tmp_path: Path) -> None:
    (tmp_path / "ragbot.toml").write_text(blocks(page, "toml")[0], encoding="utf-8")
    servers = load_settings(file=tmp_path / "ragbot.toml")[0].mcp.servers
    assert set(servers) == {"files", "wiki"}
    rows = re.findall(r"^\| (`[a-z_`、, ]+) \| ([^|]*)\|", page.read_text(encoding="utf-8"), re.MULTILINE)
    listed = {name: value.strip("` ") for names, value in rows for name in re.findall(r"`(\w+)`", names)}
    assert {field.name for field in fields(McpServer)} <= listed.keys()
    default = McpServer(command="x")
    assert listed["timeout"] == f"{default.timeout:g}" and listed["start_timeout"] == f"{default.start_timeout:g}"
    assert f"{MAX_TEXT:,}" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("pages", [MCP, TOOLS], ids=lambda pages: pages[0].name)
def test_both_languages_show_the_same_code(pages: list[Path]) -> None:
    for kind in ("sh", "toml", "json", "python"):
        # What is asked may be in the language of the page.
        asked = r'^(ragbot agent .*)"[^"]*"$' if kind == "sh" else r"(?!)()"
        english, chinese = (
            [re.sub(asked, r'\1"…"', re.sub(r"[ ]+# .*", "", body), flags=re.MULTILINE) for body in blocks(page, kind)]
            for page in pages
        )
        assert english == chinese, kind


@pytest.mark.parametrize("page", MCP + TOOLS, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", page.read_text(encoding="utf-8")):
        path = page.parent / target if target else page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", one).strip().lower().replace(" ", "-") for one in headings}, anchor


@pytest.mark.parametrize("page", TOOLS, ids=lambda path: path.name)
def test_what_the_guide_says_of_the_web(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in ("ddgs", "searxng", "tavily", "brave"):
        assert f"| `{name}` |" in text and WebSettings(search=name)  # type: ignore[arg-type]
    numbers = (
        f"{PIECE:,}",
        f"{LIMITS.max_bytes // 2**20} MiB",
        f"{LIMITS.seconds:g}",
        f"{LIMITS.redirects}",
        f"{MAX_DAYS}",
    )
    for number in (*numbers, f"{WebSettings().timeout:g}"):
        assert number in text, number
    for key in re.findall(r"`web\.(\w+)`", text):
        assert key in WebSettings.model_fields

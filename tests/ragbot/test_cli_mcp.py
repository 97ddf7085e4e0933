"""``ragbot mcp`` in this process; the server itself is tested in tests/agents/mcp."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.ragbot.conftest import Cli

SERVER = Path(__file__).parents[1] / "agents" / "mcp" / "servers.py"


def settings(folder: Path, text: str) -> None:
    (folder / "ragbot.toml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (["--kb", "nope"], "SourceError", "there is no knowledge base 'nope'"),
        (["--ingest-from", "nowhere"], "SourceError", "nowhere is no folder"),
        (["--http", "--host", "0.0.0.0", "--ingest-from", "."], "UserError", "RAGBOT_MCP__KEY"),
        (["--http", "--port", "65536"], "UsageError", "65535"),
        (["--http", "--host", "192.0.2.1", "--ingest-from", "."], "UserError", "RAGBOT_MCP__KEY"),
    ],
)
def test_what_cannot_be_served(cli: Cli, words: list[str], kind: str, said: str) -> None:
    result = cli("mcp", "serve", *words, "--json")
    assert result.code == 2 and result.json["error"]["type"] == kind
    assert said in result.json["error"]["message"]


def test_a_port_that_is_taken(cli: Cli, folder: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = cli("mcp", "serve", "--http", "--port", port, "--ingest-from", str(folder))
    assert result.code == 2 and "choose another --port" in result.err


def test_without_the_package_the_extra_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragbot.console.mcp.find_spec", lambda name: None)
    assert 'pip install "ragbot[mcp]"' in cli("mcp", "serve").err


def test_no_servers_are_set_up(cli: Cli) -> None:
    result = cli("mcp", "tools")
    assert result.code == 0 and "No MCP server is set up" in result.out
    assert cli("mcp", "tools", "--json").json == {"tools": [], "failures": {}, "servers": []}


def test_tools_of_the_servers_and_those_that_do_not_start(cli: Cli, tmp_path: Path) -> None:
    settings(
        tmp_path,
        f'[mcp.servers.good]\ncommand = {str(sys.executable)!r}\nargs = ["-S", {str(SERVER)!r}]\nstart_timeout = 120\n'
        'effects = ["network"]\ntools = ["echo", "row"]\n[mcp.servers.bad]\ncommand = "/no/such/program"\n',
    )
    found = cli("mcp", "tools", "--json")
    assert found.code == 1
    assert [(row["server"], row["name"], row["effects"]) for row in found.json["tools"]] == [
        ("good", "good__echo", ["network"]), ("good", "good__row", ["network"])
    ]  # fmt: skip
    assert set(found.json["failures"]) == {"bad"}
    shown = cli("mcp", "tools")
    assert shown.code == 1 and "good__echo" in shown.out and "failed: bad:" in shown.err


def test_the_servers_are_among_the_settings(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(
        tmp_path,
        '[web]\ntavily_key = "tvly-secret"\n[mcp]\nkey = "a-secret-key"\n[mcp.servers.files]\ncommand = "files-server"\n',
    )
    monkeypatch.setenv("RAGBOT_WEB__BRAVE_KEY", "brave-secret")
    shown, found = cli("config", "show"), cli("config", "show", "--json")
    assert shown.code == found.code == 0
    rows = {row["key"]: row["value"] for row in found.json["settings"]}
    assert rows["mcp.servers"]["files"]["command"] == "files-server" and rows["web.tavily_key"] == "**********"
    assert "secret" not in shown.out + found.out


def test_servers_by_an_environment_variable(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGBOT_MCP__SERVERS", '{"files": {"command": "files-server", "args": ["-x"]}}')
    rows = {row["key"]: row["value"] for row in cli("config", "show", "--json").json["settings"]}
    assert rows["mcp.servers"]["files"]["args"] == ["-x"]
    monkeypatch.setenv("RAGBOT_MCP__SERVERS", '{"files": {"comand": "files-server"}}')
    result = cli("config", "show")
    assert result.code == 2 and "mcp.servers.files" in result.err and "RAGBOT_MCP__SERVERS" in result.err

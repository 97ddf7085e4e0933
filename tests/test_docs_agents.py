"""The guide to the agent: its commands exist, both languages show the same ones, and its examples are sound."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer

from ragbot.cli import app
from ragbot.sections.agent import AgentSettings

DOCS = Path(__file__).parents[1] / "docs"
GUIDES = [DOCS / "agents.md", DOCS / "agents.zh-CN.md"]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def blocks(page: Path, kind: str) -> list[str]:
    return [body for name, body in _FENCE.findall(page.read_text(encoding="utf-8")) if name == kind]


def commands(page: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Each line of a shell block: the subcommand, and its options."""
    found = []
    for line in "".join(blocks(page, "sh")).splitlines():
        words = re.sub(r'"[^"]*"', "Q", re.sub(r"\s+# .*", "", line)).split()
        assert words[:2] == ["ragbot", "agent"], line
        name = "runs" if words[2] == "runs" else "run"
        found.append((name, tuple(_OPTION.findall(" ".join(words[2:])))))
    return found


@pytest.mark.parametrize("page", GUIDES, ids=lambda path: path.name)
def test_the_commands_exist(page: Path) -> None:
    group = typer.main.get_command(app).commands["agent"]  # type: ignore[attr-defined]
    known = {
        name: {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
        for name, command in group.commands.items()
    }
    assert {name for name, _ in commands(page)} == {"run", "runs"}
    for name, options in commands(page):
        assert set(options) <= known[name], (name, options)


def test_both_languages_show_the_same() -> None:
    english, chinese = GUIDES
    assert commands(english) == commands(chinese)
    heads = [re.findall(r"^(#+) ", page.read_text(encoding="utf-8"), re.MULTILINE) for page in GUIDES]
    assert heads[0] == heads[1]
    assert len(blocks(english, "python")) == len(blocks(chinese, "python"))


@pytest.mark.parametrize("page", GUIDES, ids=lambda path: path.name)
def test_examples_and_settings(page: Path) -> None:
    for example in blocks(page, "python"):
        ast.parse(example)
    for name in re.findall(r"`agent\.(\w+)[` ]", page.read_text(encoding="utf-8")):
        assert name in {*AgentSettings.model_fields, "stream", "run", "resume"}, name

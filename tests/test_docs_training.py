"""The guide to training: its commands and options exist, and both languages show the same."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from ragbot.cli import app
from ragbot.console.train_commands import train_app
from ragbot.training.reader.plan import RATES

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / "training.md", ROOT / "docs" / "training.zh-CN.md"]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """The ragbot commands of a page, from the first word behind ``ragbot``."""
    lines = [
        line
        for kind, body in _FENCE.findall(page.read_text(encoding="utf-8"))
        if kind == "sh"
        for line in body.splitlines()
    ]
    return [words[words.index("ragbot") + 1 :] for line in lines if "ragbot" in (words := shlex.split(line))]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_commands_and_options_exist(page: Path) -> None:
    shown = set()
    for words in commands(page):
        command, taken = typer.main.get_command(app), list(words)
        while hasattr(command, "commands"):
            command = command.commands[taken.pop(0)]
        shown.add(command.name)
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in taken if word.startswith("-")} <= known, words
    assert {command.name for command in train_app.registered_commands} <= shown


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_methods_and_their_rates_are_listed(page: Path) -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| [^|]+ \| ([\de-]+) \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name: float(rate) for name, rate in rows} == RATES


def test_both_languages_show_the_same() -> None:
    english, chinese = (page.read_text(encoding="utf-8") for page in PAGES)
    assert _FENCE.findall(english) == _FENCE.findall(chinese)
    assert len(re.findall(r"^#", english, re.MULTILINE)) == len(re.findall(r"^#", chinese, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert links and all((page.parent / link).exists() for link in links)

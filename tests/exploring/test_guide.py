"""The guide cannot rot: its commands and options exist, and both languages say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from ragbot.cli import app

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "exploring.md", DOCS / "exploring.zh-CN.md"]
COMMANDS = {"similar", "topics", "duplicates", "summarize"}
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    return [(kind, re.sub(r"\s+# .*", "", body)) for kind, body in _FENCE.findall(page.read_text(encoding="utf-8"))]


def test_both_languages_show_the_same_code() -> None:
    assert blocks(PAGES[0]) == blocks(PAGES[1]) != []


def test_both_languages_have_the_same_figures() -> None:
    tables = [re.findall(r"^\|.*\|$", page.read_text(encoding="utf-8"), re.MULTILINE) for page in PAGES]
    english, chinese = ([re.findall(r"\d+(?:[.,]\d+)*", row) for row in rows] for rows in tables)
    assert english == chinese


def test_commands_and_options_exist() -> None:
    group = typer.main.get_command(app)
    shown = re.findall(r"^ragbot (\w+)(.*)$", "\n".join(body for kind, body in blocks(PAGES[0]) if kind == "sh"), re.M)
    assert {name for name, _ in shown} == COMMANDS
    for name, rest in shown:
        known = {option for parameter in group.commands[name].params for option in parameter.opts}  # type: ignore[attr-defined]
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_bounds_are_those_of_the_code(page: Path) -> None:
    from ragbot.exploring import duplicates, extracts, layout, similar, summarize, topics

    text = page.read_text(encoding="utf-8")
    for bound in (similar.MOST_CHUNKS, topics.MOST_CHUNKS, layout.MOST_POINTS, duplicates.FEWEST_TOKENS):
        assert re.search(rf"(?<![\d,]){bound:,}(?![\d,])", text), bound
    assert str(summarize.MOST_SECTIONS) in text and str(extracts.MOST_SENTENCES) in text

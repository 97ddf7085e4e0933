"""The guide to keys, access lists and jobs: its commands and routes exist, and both languages say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from ragbot.cli import app
from ragbot.console.key_commands import keys_app
from ragbot.workspace.jobs_records import JobState
from ragbot.workspace.keys_records import SCOPES

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / "access.md", ROOT / "docs" / "access.zh-CN.md"]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in _FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page: Path) -> None:
    root = typer.main.get_command(app)
    shown = set()
    for line in "\n".join(blocks(page, "sh")).splitlines():
        words = re.sub(r"\s+# .*", "", line).split()
        if words[:1] != ["ragbot"]:
            continue
        command = root
        path = []
        for word in words[1:]:
            if word not in getattr(command, "commands", {}):
                break
            command = command.commands[word]  # type: ignore[attr-defined]
            path.append(word)
        shown.add(" ".join(path))
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line
    assert {f"keys {command.name}" for command in keys_app.registered_commands} | {"kb access", "ingest"} <= shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_scope_state_and_route_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z]+)` \|", text, re.MULTILINE)
    assert rows == [*SCOPES, *JobState.__args__]  # type: ignore[attr-defined]
    from apps.api import knowledge_jobs

    named = set(re.findall(r"\$KB(/[\w/]+)", text))
    paths = {
        route.path.removeprefix("/{kb}").replace("{job_id}", "ID")  # type: ignore[attr-defined]
        for route in knowledge_jobs.router.routes
    }
    assert named
    assert named <= paths


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_in_python_run_as_far_as_they_can(page: Path) -> None:
    for body in blocks(page, "python"):
        compile_only(body)


def compile_only(body: str) -> None:
    """Names that are imported exist, and keywords that are used are taken."""
    import ast
    import importlib

    for node in ast.walk(ast.parse(body)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


def test_both_languages_show_the_same() -> None:
    english, chinese = PAGES
    for language in ("sh", "python"):
        shown = [
            [
                re.sub(r"\s+# .*", "", line).replace("When does the merger close?", "并购何时完成？")
                for line in body.splitlines()
            ]
            for body in blocks(english, language)
        ]
        assert shown == [
            [re.sub(r"\s+# .*", "", line) for line in body.splitlines()] for body in blocks(chinese, language)
        ]
    counts = [len(re.findall("^## ", page.read_text(encoding="utf-8"), re.MULTILINE)) for page in PAGES]
    assert counts == [3, 3]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target

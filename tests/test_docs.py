"""The documentation cannot rot: its commands exist, its example runs, its table lists every setting."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ragbot.settings import Settings, walk

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_every_setting_is_documented(readme: Path) -> None:
    table = re.search(r"<!-- settings -->(.*?)<!-- /settings -->", readme.read_text(encoding="utf-8"), re.DOTALL)
    assert table
    documented = re.findall(r"^\| `([^`]+)` \| ([^|]*) \| [^|]+ \|$", table.group(1), re.MULTILINE)
    assert [key for key, _ in documented] == [key for key, _ in walk(Settings)]
    for key, default in documented:
        expected = _default(key)
        assert default.strip("` ") == expected, key


def _default(key: str) -> str:
    field, model = None, Settings
    for part in key.split("."):
        field = model.model_fields[part]
        model = field.annotation  # type: ignore[assignment]
    assert field is not None
    if key == "data_dir":
        return "…/ragbot"  # another on each system
    return str(field.default) if str(field.default).strip("*") else ""


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_commands_exist(readme: Path) -> None:
    commands = set(
        re.findall(r"^(?:\S*/)?ragbot ((?:kb |models |config )?[a-z]+)", readme.read_text("utf-8"), re.MULTILINE)
    )
    assert {"ingest", "ask", "search", "chat", "ui", "kb info", "models list", "doctor"} <= commands
    for command in commands:
        result = subprocess.run(
            [sys.executable, "-m", "ragbot", *command.split(), "--help"], capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, (command, result.stderr)


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_links_lead_somewhere(readme: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", readme.read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target


def test_the_example_runs(tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", READMES[0].read_text(encoding="utf-8"), re.DOTALL)
    assert example
    (tmp_path / "data").symlink_to(ROOT / "data")  # it makes a folder where it stands
    result = subprocess.run(
        [sys.executable, "-c", example.group(1)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert result.returncode == 0, result.stderr
    assert re.match(r"\d\d documents, 0 failed\n", result.stdout)
    assert "RMSNorm" in result.stdout

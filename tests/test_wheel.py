"""What a wheel holds: every module's own files, and the adapters that the code looks for in an installed ragbot."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePath

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("ragbot", "agents", "ingest", "apps", "eval")
TAKEN = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")


@dataclass(frozen=True)
class Built:
    """The names of what a wheel is made of, and of what it holds."""

    sources: set[str]
    names: set[str]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Built of a copy: a build writes into its sources."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "source"
    copy.mkdir()
    for name in TAKEN:
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, copy)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "data" / "adapters", copy / "data" / "adapters")
    there = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", ".", *options], cwd=copy, check=True)
    (path,) = folder.glob("*.whl")
    return Built(there, set(zipfile.ZipFile(path).namelist()))


def test_it_holds_the_adapters(wheel: Built) -> None:
    shipped = {name.removeprefix("data/") for name in wheel.sources if name.startswith("data/adapters/")}
    assert shipped and {f"ragbot/{name}" for name in shipped} <= wheel.names


def test_it_holds_what_modules_read_beside_themselves(wheel: Built) -> None:
    kinds = {".txt", ".json", ".css", ".js", ".html", ".jinja", ".py"}
    wanted = {name for name in wheel.sources if PurePath(name).suffix in kinds and name.partition("/")[0] in PACKAGES}
    assert wanted and sorted(wanted - wheel.names) == []


def test_it_holds_nothing_else(wheel: Built) -> None:
    tops = {name.partition("/")[0] for name in wheel.names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)

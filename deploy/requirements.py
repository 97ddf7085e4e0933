"""Print what pyproject.toml asks for, with some extras: python deploy/requirements.py server,ui

An image installs these before ragbot's own code is copied, so that a change of the code leaves their layer as it is.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_OWN = re.compile(r"ragbot\[([^\]]+)\]")


def requirements(project: dict[str, Any], extras: list[str]) -> Iterator[str]:
    """The requirements of ``project`` and of ``extras``, each once; an extra may name others.

    Raises:
        KeyError: there is no such extra.
    """
    waiting, seen = [*project["dependencies"]], set[str]()
    for extra in extras:
        waiting += project["optional-dependencies"][extra]
    while waiting:
        line = waiting.pop(0)
        own = _OWN.match(line)
        if own:
            for extra in own[1].split(","):
                waiting += project["optional-dependencies"][extra]
        elif line not in seen:
            seen.add(line)
            yield line


def main() -> None:
    """Print them, a line each."""
    project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [name for name in "".join(sys.argv[1:2]).split(",") if name]
    try:
        sys.stdout.writelines(f"{line}\n" for line in requirements(project, extras))
    except KeyError as error:
        known = ", ".join(project["optional-dependencies"])
        sys.exit(f"there is no extra {error}; there are {known}")


if __name__ == "__main__":
    main()

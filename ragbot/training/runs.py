"""What runs of training share: a folder that belongs to one plan, checkpoints, lines on disk, several processes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ragbot.errors import UserError

#: In the folder of a run: its settings, and what is kept of it.
RUN, BEST = "run.json", "best"
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_Found = TypeVar("_Found")


def claim(
    folder: Path, settings: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Make ``folder`` that of a run with ``settings``, a table for each name.

    Args:
        folder: the run's, made where it is missing.
        settings: what the run depends on, as JSON holds it.
        defaults: what a setting that is not stored (of an older version) was.

    Raises:
        UserError: it holds a run with other settings; the message names those that differ.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / RUN
    wanted: dict[str, Any] = json.loads(json.dumps(settings))
    stored = None
    with contextlib.suppress(FileNotFoundError, ValueError):  # a file that was cut off belongs to no run
        stored = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(stored, dict):
        known: dict[str, Any] = json.loads(json.dumps(defaults or {}))
        differing = []
        for name, table in wanted.items():
            had = {**known.get(name, {}), **stored.get(name, {})}
            differing += [f"{key} {had.get(key)!r}" for key in table if had.get(key) != table[key]]
        if differing:
            raise UserError(
                f"{path} is of a run with other settings ({', '.join(differing)}): name another --output, or give the "
                "same settings"
            )
        return
    if is_main():
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)


def last_checkpoint(folder: Path) -> tuple[int, Path] | None:
    """Step and folder of the newest checkpoint of transformers' Trainer; those that were cut off are removed.

    The state of the trainer is what it writes last.
    """
    found = []
    for path in folder.glob("checkpoint-*") if folder.is_dir() else ():
        match = _CHECKPOINT.fullmatch(path.name)
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            if is_main():
                shutil.rmtree(path, ignore_errors=True)
            continue
        if match:
            found.append((int(match.group(1)), path))
    return max(found, default=None)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines; the last one is left out where it was cut off. No file: none."""
    if not path.is_file():
        return []
    rows: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            # What follows is appended: it must not stand behind half a line.
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            break
    return rows


def world() -> int:
    """How many processes train together (``accelerate launch`` sets it)."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Whether this is the one that writes."""
    return int(os.environ.get("RANK", "0")) == 0


def shared(make: Callable[[], _Found] | None) -> _Found:
    """What the main process makes, in all of them; the others give None."""
    import torch.distributed as together

    found = [make() if make else None]
    if together.is_available() and together.is_initialized():
        together.broadcast_object_list(found, src=0)
    assert found[0] is not None
    return found[0]

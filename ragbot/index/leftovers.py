"""What a process that was killed has left beside its target."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def remove_leftovers(folder: Path, pattern: str) -> None:
    """Remove what exports or imports that were killed have left here: it holds whole texts.

    Their names end in the number of their process; one that has been given to another process stays.
    """
    for left in folder.glob(pattern):
        number = left.name.split("-")[2]
        if (
            left.is_dir()
            and not left.is_symlink()
            and number.isascii()
            and number.isdigit()
            and not _alive(int(number))
        ):
            shutil.rmtree(left, ignore_errors=True)


def _alive(process: int) -> bool:
    if os.name != "posix":  # asking would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True

"""Files of evaluations: replaced whole or not at all, held by one writer, without what JSON does not know."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ragbot.errors import EvaluationError


def write_json(path: Path, value: Any) -> None:
    """Replace a file by ``value`` as JSON, whole or not at all. Raises as :func:`write_text`."""
    write_text(path, json.dumps(finite(value), ensure_ascii=False, indent=1) + "\n")


def finite(value: Any) -> Any:
    """A value for JSON, which knows no NaN and no infinity: they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold a folder as its only writer; the system frees it when the process ends, however it ends.

    Raises:
        EvaluationError: another process holds it.
    """
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise EvaluationError(
            f"{folder.name!r} is in use: another process is writing to it; wait until it ends"
        ) from None
    try:
        yield
    finally:
        lock.release()


def read_json(path: Path) -> Any:
    """What :func:`write_json` wrote. Raises EvaluationError where it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}; remove its folder and start anew") from error


def write_text(path: Path, text: str) -> None:
    """Replace a file, whole or not at all.

    Raises:
        EvaluationError: it cannot be written there.
    """
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("w", encoding="utf-8", errors="replace") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise EvaluationError(f"cannot write {path}: {error.strerror or error}; choose another place") from error


def check_writable(path: Path) -> None:
    """Raise EvaluationError where a file could not be written, before the work that it is to hold is done."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir():
        raise EvaluationError(f"{path} is a folder: name a file")
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise EvaluationError(f"cannot write {path}: {folder} takes no files; choose another place")


def now() -> str:
    """The time, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def cut_torn_line(path: Path) -> None:
    """Drop what a kill left of the last line."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        data = file.read()
        end = data.rfind(b"\n") + 1
        if end < len(data):
            file.truncate(end)

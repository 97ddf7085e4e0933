"""A folder that a foreign library writes, sealed when it is closed: every file's size and BLAKE2 are noted beside it.

They are compared before the library touches the folder again, because a native loader must never see damaged bytes. A
folder whose owner was killed has no seal and is worth nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragbot.index.container import replace_file

_BLOCK = 1 << 20


def digests(folder: Path) -> dict[str, list[Any]]:
    """Size and BLAKE2 of every file in ``folder``, by its path there; a link stands for what it points to."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            found[path.relative_to(folder).as_posix()] = [path.lstat().st_size, _digest(path)]
    return found


def difference(folder: Path, noted: Mapping[str, Any]) -> str | None:
    """What in ``folder`` is not as it was noted, in words; None if all is."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            return f"{path.name} is a link"
        if path.is_file() and path.relative_to(folder).as_posix() not in noted:
            return f"{path.name} was not there when it was closed"
    for name, (size, digest) in noted.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != size:
            return f"{name} has {path.stat().st_size} bytes, not {size}"
        if _digest(path) != digest:
            return f"{name} is damaged (its checksum does not match)"
    return None


def read_note(path: Path) -> dict[str, Any]:
    """What :func:`write_note` wrote; empty where that is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        body, checksum = content["body"], content["checksum"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return body if isinstance(body, dict) and checksum == _checksum(body) else {}


def write_note(path: Path, body: Mapping[str, Any]) -> None:
    """Replace a small JSON file, with a checksum in it. Raises StorageError."""
    replace_file(path, [json.dumps({"body": body, "checksum": _checksum(body)}).encode()])


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=16).hexdigest()


def _digest(path: Path) -> str:
    if path.is_symlink():
        return ""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()

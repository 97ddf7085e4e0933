"""Files that somebody sent: written into the knowledge base's own folder under a name that is safe and stays the same.

A file is on the disk, whole, when :func:`keep` returns: a job that was acknowledged finds it after any crash.
"""

from __future__ import annotations

import os
import re
import time
import unicodedata
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from filecmp import cmp
from pathlib import Path, PurePosixPath
from typing import Protocol
from uuid import uuid4

from ragbot.errors import StorageError, UserError
from ragbot.index.archives import archive_of
from ragbot.index.uploads import FOLDER

#: File systems take 255 bytes of a name; a Chinese character is three, and a number may follow.
_LONGEST = 200
_UNSAFE = re.compile(r"[^\w .()\[\]+,=@~-]")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_PIECE = 1 << 20
_PART = ".part"
#: Seconds after which what a killed process left half written is nobody's.
_ABANDONED = 24 * 3600


class Readable(Protocol):
    """What bytes come from."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file in the knowledge base's folder; ``is_new`` unless it was there already, byte for byte."""

    path: Path
    is_new: bool


def safe_name(name: str) -> str:
    """A file name made of what a client calls its file: no folder, no control character, not hidden, not too long."""
    base = unicodedata.normalize("NFC", re.split(r"[\\/]", name)[-1])
    base = _UNSAFE.sub("_", base).strip(" .") or "file"
    if _DEVICES.match(base):
        base = f"_{base}"
    suffix = PurePosixPath(base).suffix
    suffix = suffix if len(suffix.encode()) <= 20 else ""
    stem = base.removesuffix(suffix)
    return stem.encode()[: _LONGEST - len(suffix.encode())].decode(errors="ignore") + suffix


def keep(
    kb_folder: Path, name: str, content: Readable, most: int, reusable: Callable[[Path], bool] | None = None
) -> Kept:
    """Write a file into ``kb_folder/uploads``.

    It never takes another's place: of a name that is in use it becomes ``name (2)``, unless the same bytes are there
    already, which are used again.

    Args:
        name: what the client calls it; only made use of by :func:`safe_name`.
        most: bytes that it may have.
        reusable: whether one with the same bytes may be used again; default: always. One that the caller must not see
            may not: using it would tell of it.

    Raises:
        UserError: it has more bytes, or none.
        StorageError: it cannot be written; nothing of it is left.
    """
    target = kb_folder.absolute() / FOLDER
    part = target / f".{uuid4().hex}{_PART}"
    try:
        target.mkdir(parents=True, exist_ok=True)
        _clear(target)
        try:
            _write(part, content, most, name)
            return _placed(part, target / safe_name(name), reusable)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot keep {safe_name(name)} in {target}: {error.strerror or error}; make room, or make the folder writable, "
            "and send it again"
        ) from error


def discard(uploads: Iterable[str | Path], sources: Collection[str]) -> None:
    """Delete those of our copies that became no document, nor any member of theirs one."""
    used = {archive_of(source) for source in sources} | set(sources)
    for path in map(Path, uploads):
        if path.parent.name == FOLDER and str(path) not in used and str(path.resolve()) not in used:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _write(part: Path, content: Readable, most: int, name: str) -> None:
    size = 0
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        while piece := content.read(_PIECE):
            size += len(piece)
            if size > most:
                raise UserError(
                    f"{safe_name(name)} is larger than {most / (1 << 20):,.0f} MiB, the most that is taken: split it, or "
                    "raise ingest.max_file_mb"
                )
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    if not size:
        raise UserError(f"{safe_name(name)} is empty: send a file with contents")


def _placed(part: Path, wanted: Path, reusable: Callable[[Path], bool] | None) -> Kept:
    numbered = re.compile(rf"{re.escape(wanted.stem)} \(\d+\){re.escape(wanted.suffix)}")
    for other in sorted(wanted.parent.iterdir()):
        is_like = other == wanted or numbered.fullmatch(other.name)
        if is_like and not other.is_symlink() and other.is_file() and cmp(part, other, shallow=False):
            if reusable is None or reusable(other):
                return Kept(other, False)
    path, number = wanted, 2
    while not _reserved(path):
        path, number = wanted.with_stem(f"{wanted.stem} ({number})"), number + 1
    try:
        part.replace(path)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    _sync(path.parent)
    return Kept(path, True)


def _reserved(path: Path) -> bool:
    """Whether the name was free, and is ours now: other processes may be placing files at the same time."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return False
    return True


def _sync(folder: Path) -> None:
    """The entry of the file in its folder, on the disk too."""
    if os.name != "nt":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _clear(folder: Path) -> None:
    for part in folder.glob(f".*{_PART}"):
        with suppress(OSError):
            if part.stat().st_mtime < time.time() - _ABANDONED:
                part.unlink()

"""Files that a browser sent: into the knowledge base's own folder, under a name that is safe and stays the same."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Container, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from filecmp import cmp
from pathlib import Path, PurePosixPath
from threading import Lock
from uuid import uuid4

from ragbot.errors import StorageError
from ragbot.index.uploads import FOLDER

#: File systems take 255 bytes; a Chinese character is three, and a temporary suffix follows.
_LONGEST = 200
_UNSAFE = re.compile(r"[^\w .()\[\]+,=@~-]")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
#: Two drops at once must not choose the same free name.
_lock = Lock()


def safe_name(name: str) -> str:
    """A file name made from a client's: no folder, no control or shell character, not hidden, not too long."""
    base = unicodedata.normalize("NFC", re.split(r"[\\/]", name)[-1])
    base = _UNSAFE.sub("_", base).strip(" .") or "file"
    if _DEVICES.match(base):
        base = f"_{base}"
    suffix = PurePosixPath(base).suffix
    suffix = suffix if len(suffix.encode()) <= 20 else ""
    stem = base.removesuffix(suffix)
    room = _LONGEST - len(suffix.encode())
    return stem.encode()[:room].decode(errors="ignore") + suffix


@dataclass
class Kept:
    """What became of the files of one call: where each lies, and which of them were not there before."""

    paths: list[Path] = field(default_factory=list)
    new: list[Path] = field(default_factory=list)


def keep(folder: Path, files: Iterable[str]) -> Kept:
    """Move files into ``folder/uploads``: all of them, each whole, or none.

    A file never takes another's place: of a name that is in use it becomes ``name (2)``, unless its bytes are there
    already, which are used again. Moved, not copied, so that no second copy of a text outlives its removal in a
    temporary folder.

    Raises:
        StorageError: one cannot be kept; those before it are gone again.
    """
    files, kept = list(files), Kept()
    target, name = folder.absolute() / FOLDER, ""
    try:
        with _lock:
            target.mkdir(parents=True, exist_ok=True)
            for file in files:
                name = safe_name(Path(file).name)
                _keep(Path(file), target / name, kept)
    except BaseException as error:
        discard(kept.new, ())
        if not isinstance(error, OSError):
            raise
        reason = error.strerror or str(error)
        raise StorageError(
            f"cannot keep {name or 'the files'} in {target}: {reason}; none of these files was added. "
            "Make room, or make the folder writable, and add them again"
        ) from error
    finally:
        for file in files:
            with suppress(OSError):
                Path(file).unlink(missing_ok=True)
    return kept


def discard(files: Iterable[Path], sources: Container[str]) -> None:
    """Delete those of our copies that became no document."""
    for path in files:
        if str(path) not in sources and str(path.resolve()) not in sources:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _keep(file: Path, wanted: Path, kept: Kept) -> None:
    path, is_new = _place(file, wanted)
    if is_new:
        part = wanted.with_name(f".{uuid4().hex}.part")
        try:
            shutil.copyfile(file, part)
            part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        kept.new.append(path)
    if path not in kept.paths:
        kept.paths.append(path)


def _place(file: Path, wanted: Path) -> tuple[Path, bool]:
    """Where a file goes, and whether it has to be put there: not if one of its name and with its bytes is there."""
    numbered = re.compile(rf"{re.escape(wanted.stem)} \(\d+\){re.escape(wanted.suffix)}")
    for other in sorted(wanted.parent.iterdir()):
        if (other == wanted or numbered.fullmatch(other.name)) and other.is_file() and cmp(file, other, shallow=False):
            return other, False
    path, number = wanted, 2
    while path.exists() or path.is_symlink():
        path, number = wanted.with_stem(f"{wanted.stem} ({number})"), number + 1
    return path, True

"""Files that a browser sent: into the knowledge base's own folder, under a name that is safe and stays the same."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Container, Iterable
from pathlib import Path, PurePosixPath

FOLDER = "uploads"
#: File systems take 255 bytes; a Chinese character is three, and a temporary suffix follows.
_LONGEST = 200
_UNSAFE = re.compile(r"[^\w .()\[\]+,=@~-]")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


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


def keep(folder: Path, files: Iterable[str]) -> list[Path]:
    """Move files into ``folder/uploads``, each whole or not at all; the same name again replaces the file.

    Moved, not copied, so that no second copy of a text outlives its removal in a temporary folder. Two files of one
    call that share a name are both kept.
    """
    target = folder.absolute() / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    kept: dict[Path, None] = {}
    for file in files:
        path = _free(target / safe_name(Path(file).name), kept)
        part = path.with_name(f".{path.name}.part")
        shutil.copyfile(file, part)
        part.replace(path)
        Path(file).unlink()
        kept[path] = None
    return list(kept)


def discard(files: Iterable[Path], sources: Container[str]) -> None:
    """Delete those of our copies that became no document."""
    for path in files:
        if str(path) not in sources and str(path.resolve()) not in sources:
            path.unlink(missing_ok=True)


def forget(folder: Path, source: str) -> None:
    """Delete our copy of a document that was uploaded; a file from elsewhere is the person's own and stays."""
    path = Path(source)
    if path.parent.resolve() == (folder / FOLDER).resolve():
        path.unlink(missing_ok=True)


def _free(path: Path, taken: Iterable[Path]) -> Path:
    taken, candidate, number = set(taken), path, 2
    while candidate in taken:
        candidate, number = path.with_stem(f"{path.stem} ({number})"), number + 1
    return candidate

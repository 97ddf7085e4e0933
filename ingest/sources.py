"""From what a person names (files, folders) to the files to be read."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.archives.members import is_archive
from ingest.loaders import IMAGE_SUFFIXES, SUPPORTED_SUFFIXES
from ragbot.documents import FailedSource
from ragbot.errors import SourceError
from ragbot.index.archives import INSIDE


@dataclass(frozen=True, slots=True)
class Found:
    """The files to be read, those of a folder that are passed over because no loader knows their kind, the folders
    inside a folder that may not be read, and the folders that were named."""

    files: list[Path]
    ignored: list[Path]
    failed: list[FailedSource]
    folders: list[Path]

    def within(self, places: Collection[Path]) -> Found:
        """The same of these files, and of what lies in these folders, alone."""

        def wanted(path: Path) -> bool:
            return path in places or any(folder in places for folder in path.parents)

        return replace(
            self,
            files=[path for path in self.files if wanted(path)],
            ignored=[path for path in self.ignored if wanted(path)],
            failed=[failure for failure in self.failed if wanted(Path(failure.source))],
        )


def find(
    paths: Iterable[str | os.PathLike[str]], images: bool = False, suffixes: Collection[str] = SUPPORTED_SUFFIXES
) -> Found:
    """Files under ``paths``, each once, folders walked in order of name; hidden ones and links to folders left out.

    Args:
        images: also take the pictures of a folder. Few of those that lie about hold text, and reading one takes long.
        suffixes: of the files that are taken from a folder.

    Raises:
        SourceError: a path does not exist or may not be read, or there is nothing to read in any of them.
    """
    files: dict[Path, None] = {}
    ignored: list[Path] = []
    failed: list[FailedSource] = []
    folders: list[Path] = []
    given = [absolute(path) for path in paths]
    for path in given:
        if stat.S_ISDIR(_mode(path)):
            folders.append(path)
            for found in _walk(path, failed):
                suffix = found.suffix.lower()
                if is_archive(found.name) or (suffix in suffixes and (images or suffix not in IMAGE_SUFFIXES)):
                    files.setdefault(found)
                else:
                    ignored.append(found)
        else:
            files.setdefault(path)  # named by the person: if it cannot be read, the report says why
    if not files:
        kinds = " ".join(sorted(suffixes))
        raise SourceError(
            f"nothing to ingest in {', '.join(map(str, given))}, and nothing was removed: if files are missing there, is a disk "
            f"not mounted? ragbot kb remove takes single documents out (formats: {kinds})"
        )
    return Found(list(files), ignored, failed, folders)


def vanished(
    sources: Iterable[str], folders: Sequence[Path], inside: Mapping[str, Container[str]] | None = None
) -> list[str]:
    """Of documents, those whose files lay in one of ``folders`` and are there no more.

    A file that cannot be looked at (a folder above may not be entered, a disk fails) has not vanished.

    Args:
        inside: what there is in archives that have just been read to their end: other members of theirs have vanished.
    """
    gone = []
    for source in sources:
        archive, mark, _ = source.partition(INSIDE)
        if mark and inside and archive in inside and source not in inside[archive]:
            gone.append(source)
            continue
        path = Path(archive)
        if not any(folder in path.parents for folder in folders):
            continue
        try:
            if stat.S_ISDIR(path.lstat().st_mode):  # a folder has taken its name
                gone.append(source)
        except (FileNotFoundError, NotADirectoryError):
            gone.append(source)
        except (OSError, ValueError):
            continue
    return gone


def absolute(path: str | os.PathLike[str]) -> Path:
    """The absolute path under which a file is known, whatever folder it was named from."""
    try:
        whole = Path(path).expanduser().absolute()
    except RuntimeError:  # "~draft.md" is a name here, and nobody's home
        whole = Path(path).absolute()
    return whole.resolve() if ".." in whole.parts else whole


def check_exist(paths: Iterable[str | os.PathLike[str]]) -> None:
    """Raise SourceError for a path that does not exist or may not be looked at."""
    for path in paths:
        _mode(absolute(path))


def _mode(path: Path) -> int:
    # Not is_dir() and exists(): where a folder above may not be entered, they raise or say no, by the Python version.
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a null character in the name
        raise SourceError(f"{path} does not exist; check the spelling (relative paths start at {Path.cwd()})") from None
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error


def _walk(folder: Path, failed: list[FailedSource]) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise SourceError(f"cannot read the folder {folder}: {error.strerror}") from error
        failed.append(FailedSource(str(error.filename), f"cannot read the folder: {error.strerror}"))

    for root, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith((".", "~$")):  # "~$report.docx": Office has report.docx open
                yield Path(root) / name
